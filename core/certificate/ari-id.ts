/** The identifier by which a CA's renewal information is asked for (RFC 9773 §4.1). */
import { X509Certificate } from 'node:crypto';

/**
 * The certificate's unique identifier (RFC 9773 §4.1): the key identifier of its authority key
 * identifier, '.', its serial number, both in base64url.
 * @returns undefined for a certificate without a key identifier, or with an extension that is no
 *   DER: OpenSSL reads such a certificate, and its renewal is due by its dates
 */
export function ariId(certificate: X509Certificate): string | undefined {
  const [fields] = children(certificate.raw);
  const tbs = children(fields?.whole);
  // RFC 5280 §4.1: [0] version, serialNumber, …, [3] extensions.
  const serial = tbs.find(({ tag }) => tag === 0x02);
  const extensions = tbs.find(({ tag }) => tag === 0xa3);
  for (const extension of children(children(extensions?.whole)[0]?.whole)) {
    const [id, ...rest] = children(extension.whole);
    if (!id?.body.equals(authorityKeyIdentifier)) continue;
    // The value comes last, after an optional `critical`: SEQUENCE { [0] keyIdentifier … }.
    const keyId = children(rest.at(-1)?.body).find(({ tag }) => tag === 0x80);
    // The serial is read from the DER because it includes the sign octet, which Node's
    // `serialNumber` leaves out.
    return keyId && serial && `${keyId.body.toString('base64url')}.${serial.body.toString('base64url')}`;
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
 * only. An element that is cut ends the list.
 */
function children(der?: Buffer): Element[] {
  const elements: Element[] = [];
  let rest = der && element(der)?.body;
  for (let next = rest && element(rest); rest && next; next = element(rest)) {
    elements.push(next);
    rest = rest.subarray(next.whole.length);
  }
  return elements;
}

/** @returns undefined if `der` is shorter than the element that it starts with */
function element(der: Buffer): Element | undefined {
  const [tag, short] = der;
  if (tag === undefined || short === undefined) return undefined;
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
  // 4 GB is more than any certificate has. 0x80 is a length that is not definite.
  if (short === 0x80 || lengthBytes > 4 || der.length < 2 + lengthBytes) return undefined;
  const start = 2 + lengthBytes;
  const end = start + (lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes));
  if (der.length < end) return undefined;
  return { tag, body: der.subarray(start, end), whole: der.subarray(0, end) };
}
