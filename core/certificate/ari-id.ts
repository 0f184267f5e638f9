/** The identifier by which a CA's renewal information is asked for (RFC 9773 §4.1). */
import { X509Certificate } from 'node:crypto';

/**
 * The certificate's unique identifier (RFC 9773 §4.1): the key identifier of its authority key
 * identifier, '.', its serial number, both in base64url.
 * @returns undefined for a certificate without a key identifier
 */
export function ariId(certificate: X509Certificate): string | undefined {
  const fields = children(certificate.raw)[0]!;
  const tbs = children(fields.whole);
  // RFC 5280 §4.1: [0] version, serialNumber, …, [3] extensions.
  const serial = tbs.find(({ tag }) => tag === 0x02)!;
  const extensions = tbs.find(({ tag }) => tag === 0xa3);
  const list = extensions ? children(children(extensions.whole)[0]!.whole) : [];
  for (const extension of list) {
    const [id, ...rest] = children(extension.whole);
    if (!id!.body.equals(authorityKeyIdentifier)) continue;
    // The value comes last, after an optional `critical`: SEQUENCE { [0] keyIdentifier … }.
    const keyId = children(rest.at(-1)!.body).find(({ tag }) => tag === 0x80);
    // The serial is read from the DER because it includes the sign octet, which Node's
    // `serialNumber` leaves out.
    return keyId && `${keyId.body.toString('base64url')}.${serial.body.toString('base64url')}`;
  }
  return undefined;
}

/** The object identifier 2.5.29.35, as DER encodes it. */
const authorityKeyIdentifier = Buffer.from([0x55, 0x1d, 0x23]);

interface Element {
  tag: number;
  body: Buffer;
  whole: Buffer;
}

/**
 * The elements inside the element that `der` starts with (X.690 §8.1). DER has definite lengths
 * only.
 */
function children(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let rest = element(der).body; rest.length > 0;) {
    const next = element(rest);
    elements.push(next);
    rest = rest.subarray(next.whole.length);
  }
  return elements;
}

function element(der: Buffer): Element {
  const short = der[1]!;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  const length = lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  return { tag: der[0]!, body: der.subarray(start, start + length), whole: der.subarray(0, start + length) };
}
