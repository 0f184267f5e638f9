/** Makes the installer: install/installer.sh and its parts as ONE POSIX sh file, which is what a mail server runs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The assembled text and its sha256 in lower-case hex: the name under which a delivery finds it, and what the host checks. */
export interface Installer {
  text: string;
  sha256: string;
}

const inclusion = /^\. \.\/(\S+)$/gm;

/**
 * @param read returns the text of a file of install/, named relative to it
 * @throws what `read` throws; Error when a part includes another (one level is enough to read it top to bottom)
 */
export function assemble(read: (path: string) => string): Installer {
  const text = read('installer.sh').replace(inclusion, (_line, path: string) => {
    const part = read(path);
    if (part.match(inclusion)) throw new Error(`install/${path} includes another part; only installer.sh may`);
    return `\n${part.trimEnd()}\n`;
  });
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}

/** The installer of this checkout. Not for a Lambda bundle: there the files are not beside the code. */
export function installer(): Installer {
  return assemble(path => readFileSync(new URL(path, import.meta.url), 'utf8'));
}
