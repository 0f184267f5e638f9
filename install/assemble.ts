/**
 * Makes the installers: install/installer.sh and its parts as ONE POSIX sh file, which is what a mail server runs, and
 * install/windows/installer.ps1 and its parts as ONE file for Windows PowerShell 5.1.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The assembled text and its sha256 in lower-case hex: the name under which a delivery finds it, and what the host checks. */
export interface Installer {
  text: string;
  sha256: string;
}

const inclusion = /^\. \.\/(\S+)$/gm;

/**
 * @param main the file that includes the others
 * @param read returns the text of a file, named relative to the folder of `main`
 * @throws what `read` throws; Error when a part includes another (one level is enough to read it top to bottom)
 */
export function assemble(main: string, read: (path: string) => string): Installer {
  const text = read(main).replace(inclusion, (_line, path: string) => {
    const part = read(path);
    if (part.match(inclusion)) throw new Error(`${path} includes another part; only ${main} may`);
    return `\n${part.trimEnd()}\n`;
  });
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}

/** The installer of this checkout for a Linux node. Not for a Lambda bundle: there the files are not beside the code. */
export function installer(): Installer {
  return assemble('installer.sh', path => readFileSync(new URL(path, import.meta.url), 'utf8'));
}

/** The one for a Windows node. */
export function windowsInstaller(): Installer {
  return assemble('installer.ps1', path => readFileSync(new URL(`windows/${path}`, import.meta.url), 'utf8'));
}
