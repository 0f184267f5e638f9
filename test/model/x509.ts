/**
 * Certificates for the CA of the model: leaves of a moment that the model chooses, signed without
 * another process. OpenSSL's command takes 30 ms for each, and the model makes thousands.
 */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** DER (X.690): a tag, a length, a body. */
function der(tag: number, ...parts: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(parts.map(part => Buffer.from(part)));
  const bytes = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from(body.length < 0x80 ? [tag, body.length] : [tag, ...bytes]), body]);
}

const sequence = (...parts: (Buffer | number[])[]) => der(0x30, ...parts);
const octets = (...parts: (Buffer | number[])[]) => der(0x04, ...parts);
const time = (at: number) => der(0x18, Buffer.from(`${new Date(at).toISOString().replace(/\.\d+|[-:T]/g, '')}`));

/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 */
const ALGORITHM = sequence(der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
const oid = (...id: number[]) => der(0x06, id);
const CRITICAL = der(0x01, [0xff]);
const KEY_ID = Buffer.from('the root of the model');
const SERVER_AUTH = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/** subjectAltName, extKeyUsage and authorityKeyIdentifier, from which ARI's identifier is made. */
function leafExtensions(names: string[]): Buffer[] {
  return [
    sequence(oid(0x55, 0x1d, 0x11), CRITICAL, octets(sequence(...names.map(name => der(0x82, Buffer.from(name)))))),
    sequence(oid(0x55, 0x1d, 0x25), octets(sequence(oid(...SERVER_AUTH)))),
    sequence(oid(0x55, 0x1d, 0x23), octets(sequence(der(0x80, KEY_ID)))),
  ];
}

/** basicConstraints of a CA. */
const CA_EXTENSIONS = [sequence(oid(0x55, 0x1d, 0x13), CRITICAL, octets(sequence(CRITICAL)))];

const NAME = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('Model Root')))));
const rootKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });

interface Content {
  serial: number;
  subject: Buffer;
  /** SubjectPublicKeyInfo, DER. */
  publicKey: Buffer;
  extensions: Buffer[];
  /** Milliseconds since the epoch. */
  from: number;
  until: number;
}

function signed({ serial, subject, publicKey, extensions, from, until }: Content, key: KeyObject): string {
  const serialNumber = Buffer.alloc(8);
  serialNumber.writeUInt32BE(serial, 4);
  serialNumber[0] = 1;
  const content = sequence(
    der(0xa0, der(0x02, [2])),
    der(0x02, serialNumber),
    ALGORITHM,
    NAME,
    sequence(time(from), time(until)),
    subject,
    publicKey,
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', content, key);
  const base64 = sequence(content, ALGORITHM, der(0x03, [0], signature)).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'der' });

/** The root that every certificate of the model leads to, PEM. */
export const rootPem = signed(
  {
    ...{ serial: 1, subject: NAME, publicKey: spki(rootKey.publicKey), extensions: CA_EXTENSIONS },
    ...{ from: Date.UTC(2020, 0), until: Date.UTC(2049, 0) },
  },
  rootKey.privateKey,
);

/** @returns a leaf as PEM; its root is `rootPem`, so that it needs no chain */
export function leafFor(
  wanted: Pick<Content, 'serial' | 'publicKey' | 'from' | 'until'> & { names: string[] },
): string {
  const { names, ...content } = wanted;
  return signed({ ...content, subject: sequence(), extensions: leafExtensions(names) }, rootKey.privateKey);
}

/** The public key in a PKCS #10 request (RFC 2986 §4), as DER of its SubjectPublicKeyInfo. */
export function publicKeyOf(csr: Buffer): Buffer {
  const [info] = inside(csr);
  return inside(info!)[2]!;
}

function inside(element: Buffer): Buffer[] {
  const { start, end } = extent(element, 0);
  const found: Buffer[] = [];
  for (let at = start; at < end;) {
    const next = extent(element, at).end;
    found.push(element.subarray(at, next));
    at = next;
  }
  return found;
}

function extent(text: Buffer, at: number): { start: number; end: number } {
  const short = text[at + 1]!;
  const more = short < 0x80 ? 0 : short & 0x7f;
  const start = at + 2 + more;
  return { start, end: start + (more === 0 ? short : text.readUIntBE(at + 2, more)) };
}
