/**
 * Makes the two installers. A mail server runs ONE file: install/installer.sh with its parts is
 * POSIX sh, install/windows/installer.ps1 with its parts is Windows PowerShell 5.1.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Installer {
  text: string;
  /**
   * Of `text`, lower-case hex. A delivery names the installer by this hash, and the host checks it.
   */
  sha256: string;
}

const inclusion = /^\. \.\/(\S+)$/gm;
/**
 * A line that is only a comment. What shellcheck is told stays, so that the whole file can be
 * checked.
 */
const comment = /^ *#(?!!| shellcheck).*\n/gm;

/**
 * Comments of parts are left out, because the text is in a Lambda's bundle and is downloaded with
 * each delivery. So a part must not have a line of data that begins with `#`, in a here-document
 * for example.
 * @param main the file that includes the others; its comments stay
 * @param read returns the text of a file, named relative to the folder of `main`
 * @throws what `read` throws; Error if a part includes another part
 */
export function assemble(main: string, read: (path: string) => string): Installer {
  const text = read(main).replace(inclusion, (_line, path: string) => {
    const part = read(path);
    if (part.match(inclusion)) throw new Error(`${path} includes another part; only ${main} may`);
    return `\n${part.replace(comment, '').trim()}\n`;
  });
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}

/**
 * The installer of this checkout for a Linux node. A Lambda has a copy of the text in its bundle
 * instead.
 */
export function installer(): Installer {
  return assemble('installer.sh', path => readFileSync(new URL(path, import.meta.url), 'utf8'));
}

/** The installer of this checkout for a Windows node. */
export function windowsInstaller(): Installer {
  return assemble('installer.ps1', path => readFileSync(new URL(`windows/${path}`, import.meta.url), 'utf8'));
}
