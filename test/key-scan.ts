/**
 * Finds private keys in any bytes, without knowing the keys: as PEM, DER, hex, JWK, in base64, and
 * in base64 of these.
 */
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Dirent,
} from 'node:fs';
import { join } from 'node:path';

/**
 * How private keys begin in DER, as Latin-1: PKCS #8 (RFC 5958) of EC, RSA and Ed25519 keys, SEC 1
 * (RFC 5915) and PKCS #1 (RFC 8017).
 */
const DER = [
  /\x02\x01\x00\x30[\x10-\x14]\x06\x07\x2a\x86\x48\xce\x3d\x02\x01/,
  /\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01/,
  /\x02\x01\x00\x30\x05\x06\x03\x2b\x65[\x6e-\x71]\x04/,
  /\x30.{1,2}\x02\x01\x01\x04[\x20\x30\x42][^]{32,66}[\xa0\xa1]/s,
  /\x30\x82..\x02\x01\x00\x02[\x81\x82]/s,
];
const PEM = /PRIVATE KEY-----/;
const JWK = /"d"\s*:\s*"[A-Za-z0-9_-]{42,}"/;
/** Long enough for the beginnings above. */
const BASE64 = /[A-Za-z0-9+/_-]{44,}/g;
const HEX = /(?:[0-9a-f]{2}){32,}/gi;

/** @returns the form in which a private key is in the bytes; undefined if none is */
export function keyIn(bytes: Buffer): string | undefined {
  return formIn(bytes.toString('latin1'), 2);
}

function formIn(text: string, depth: number): string | undefined {
  if (PEM.test(text)) return 'PEM';
  if (DER.some(begin => begin.test(text))) return 'DER';
  if (JWK.test(text)) return 'JWK';
  if (depth === 0) return undefined;
  const inner = (part: string, form: string) => {
    const found = formIn(part, depth - 1);
    return found && `${found} in ${form}`;
  };
  for (const [run] of text.matchAll(HEX)) {
    const found = inner(Buffer.from(run, 'hex').toString('latin1'), 'hex');
    if (found) return found;
  }
  for (const [run] of text.matchAll(BASE64))
    // The run may begin with other letters.
    for (const skipped of [0, 1, 2, 3]) {
      const found = inner(Buffer.from(run.slice(skipped), 'base64').toString('latin1'), 'base64');
      if (found) return found;
    }
  return undefined;
}

/** An ELF file of the type ET_CORE. */
export function isCore(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === '\x7fELF' && bytes.readUInt16LE(16) === 4;
}

/** Bytes of a file that are searched. A larger one is a data set or a base system. */
const LARGEST = 8_000_000;

/**
 * @param directory or a file
 * @param since only files that changed after this, milliseconds since the epoch
 * @returns the files below the directory with a private key in them, and core dumps, each with the
 *   reason
 */
export function keysBelow(directory: string, since: number): string[] {
  const { size = 0, ctimeMs = 0, isDirectory, isFile } = statOf(directory) ?? {};
  if (isDirectory) return entriesOf(directory).flatMap(({ name }) => keysBelow(join(directory, name), since));
  if (!isFile || size === 0 || ctimeMs < since) return [];
  if (isCore(beginning(directory))) return [`${directory}: a core dump`];
  const form = size <= LARGEST ? keyIn(readFileSync(directory)) : undefined;
  return form === undefined ? [] : [`${directory}: a private key as ${form}`];
}

/** A link is not followed. */
function statOf(path: string) {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && { size: stat.size, ctimeMs: stat.ctimeMs, isDirectory: stat.isDirectory(), isFile: stat.isFile() };
}

function beginning(path: string): Buffer {
  const bytes = Buffer.alloc(20);
  const file = openSync(path, 'r');
  readSync(file, bytes);
  closeSync(file);
  return bytes;
}

/** Directories of this run's tests that are left: no process uses them any more. */
export function leftDirectories(parent: string, since: number): string[] {
  const used = inUse();
  return entriesOf(parent)
    .filter(entry => entry.isDirectory() && entry.name.startsWith('sealpost-'))
    .map(({ name }) => join(parent, name))
    .filter(path => (statOf(path)?.ctimeMs ?? 0) >= since && !used.includes(path));
}

/** What all processes have open, work in, or were started with. */
function inUse(): string {
  return entriesOf('/proc')
    .filter(({ name }) => /^\d+$/.test(name))
    .flatMap(({ name }) => {
      const links = ['cwd', 'root', ...entriesOf(`/proc/${name}/fd`).map(({ name: fd }) => `fd/${fd}`)];
      const read = (what: () => string) => {
        try {
          return what();
        } catch {
          return ''; // the process has ended
        }
      };
      return [
        ...links.map(link => read(() => readlinkSync(`/proc/${name}/${link}`))),
        read(() => readFileSync(`/proc/${name}/cmdline`, 'latin1')),
      ];
    })
    .join('\n');
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // another test has removed it, or its process has ended
  }
}
