/**
 * The caller of a request, by Signature Version 4, and the plain body of the request. The same
 * library that clients sign with signs the request again, and the results are compared.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Message } from './message.ts';
import { AwsError } from '../service/service.ts';

/** The claims of an `Authorization` header, before they are verified. */
export interface Claim {
  accessKeyId: string;
  date: string;
  region: string;
  service: string;
  signedHeaders: string[];
  signature: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/**
 * Reads the header. No caller is anonymous, and presigned URLs are not done here.
 * @throws AwsError MissingAuthenticationToken (403) if there is no header
 */
export function claimOf(message: Message): Claim {
  const header = message.headers['authorization'];
  if (!header) throw new AwsError('MissingAuthenticationToken', 'Missing Authentication Token', { status: 403 });
  const parts = AUTHORIZATION.exec(header);
  if (!parts)
    throw new AwsError('IncompleteSignature', 'The Authorization header is not a Signature Version 4.', {
      status: 403,
    });
  const [accessKeyId, date, region, service, signedHeaders, signature] = parts.slice(1) as string[];
  return { accessKeyId, date, region, service, signedHeaders: signedHeaders.split(';'), signature };
}

/**
 * Signs the request again with the caller's secret.
 * @throws AwsError SignatureDoesNotMatch (403) if path, query, a signed header or the body differs
 *   from what was signed
 */
export async function verifySignature(message: Message, claim: Claim, secretAccessKey: string): Promise<void> {
  const sent = message.headers['x-amz-date'] ?? '';
  const mismatch = (why: string) => new AwsError('SignatureDoesNotMatch', why, { status: 403 });
  if (!AMZ_DATE.test(sent) || !sent.startsWith(claim.date))
    throw mismatch('X-Amz-Date and the credential scope name different days.');
  const headers = Object.fromEntries(claim.signedHeaders.map(name => [name, message.headers[name] ?? '']));
  if (!headers['host']) throw mismatch('The Host header must be signed.');
  const signer = new SignatureV4({
    service: claim.service,
    region: claim.region,
    credentials: { accessKeyId: claim.accessKeyId, secretAccessKey },
    sha256: Sha256,
    // S3 alone signs the path as it stands. All other services encode it once more.
    uriEscapePath: claim.service !== 's3',
    applyChecksum: false,
  });
  const { method, path, query, body } = message;
  const signed = await signer.sign(
    { method, protocol: 'http:', hostname: '127.0.0.1', path, query, headers, body },
    {
      signingDate: new Date(sent.replace(AMZ_DATE, '$1-$2-$3T$4:$5:$6Z')),
      signableHeaders: new Set(claim.signedHeaders),
    },
  );
  if (!signed.headers['authorization']?.endsWith(`Signature=${claim.signature}`))
    throw mismatch(
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    );
  const hash = message.headers['x-amz-content-sha256'];
  if (hash && /^[0-9a-f]{64}$/.test(hash) && hash !== createHash('sha256').update(body).digest('hex'))
    throw new AwsError(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
}

const AMZ_DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/**
 * Removes the aws-chunked framing of a body (sizes, data, trailers) and verifies the checksums, so
 * that an operation sees the caller's data.
 * @throws AwsError BadDigest if a checksum does not match
 */
export function unframe(message: Message): Message {
  const kind = message.headers['x-amz-content-sha256'] ?? '';
  if (kind.startsWith('STREAMING-') && kind !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
    throw new AwsError('NotImplemented', `Signed chunks (${kind}) are not part of the stand-in.`, {
      status: 501,
    });
  const plain = kind.startsWith('STREAMING-') ? dechunk(message) : message;
  for (const [header, compute] of Object.entries(CHECKSUMS)) {
    const expected = plain.headers[header];
    if (expected !== undefined && compute(plain.body) !== expected)
      throw new AwsError('BadDigest', `The ${header} you specified did not match the calculated checksum.`);
  }
  for (const header of ['x-amz-checksum-crc32c', 'x-amz-checksum-crc64nvme'])
    if (header in plain.headers)
      throw new AwsError('NotImplemented', `${header} is not part of the stand-in.`, { status: 501 });
  return plain;
}

const hash = (algorithm: string) => (body: Uint8Array) => createHash(algorithm).update(body).digest('base64');
const CHECKSUMS: Record<string, (body: Uint8Array) => string> = {
  'content-md5': hash('md5'),
  'x-amz-checksum-sha1': hash('sha1'),
  'x-amz-checksum-sha256': hash('sha256'),
  'x-amz-checksum-crc32': body => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes.toString('base64');
  },
};

function dechunk(message: Message): Message {
  const framed = Buffer.from(message.body);
  const broken = () => new AwsError('IncompleteBody', 'The body is not in aws-chunked form.');
  const data: Buffer[] = [];
  let at = 0;
  const line = () => {
    const end = framed.indexOf('\r\n', at);
    if (end < 0) throw broken();
    const text = framed.toString('latin1', at, end);
    at = end + 2;
    return text;
  };
  for (;;) {
    const size = /^([0-9a-f]+)$/i.exec(line());
    if (!size) throw broken();
    const length = parseInt(size[1]!, 16);
    if (length === 0) break;
    if (framed.toString('latin1', at + length, at + length + 2) !== '\r\n') throw broken();
    data.push(framed.subarray(at, at + length));
    at += length + 2;
  }
  const headers = { ...message.headers };
  for (let text = line(); text !== ''; text = line()) {
    const colon = text.indexOf(':');
    if (colon < 1) throw broken();
    headers[text.slice(0, colon).trim().toLowerCase()] = text.slice(colon + 1).trim();
  }
  const body = Buffer.concat(data);
  if (String(body.length) !== headers['x-amz-decoded-content-length']) throw broken();
  headers['content-length'] = String(body.length);
  const encodings = (headers['content-encoding'] ?? '').split(/ *, */).filter(name => name && name !== 'aws-chunked');
  if (encodings.length) headers['content-encoding'] = encodings.join(',');
  else delete headers['content-encoding'];
  return { ...message, headers, body };
}
