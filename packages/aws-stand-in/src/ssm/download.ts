/**
 * `aws:downloadContent` from S3, with the same calls that the SSM Agent makes, and with the node's
 * own credentials.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { GetObjectCommand, HeadBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { Cloud } from '../service/service.ts';
import type { AgentNode } from './nodes.ts';

interface S3Address {
  bucket: string;
  key: string;
}

/**
 * @param sourceInfo `{"path": "https://…"}`, as an object or as its text
 * @param destinationPath absolute; for an existing folder, or a path that ends in `/`, the key's
 *   last part is the file's name
 * @returns what the agent writes to stderr, or undefined if every file was downloaded
 */
export async function downloadContent(
  cloud: Cloud,
  agentNode: AgentNode,
  sourceInfo: unknown,
  destinationPath: string,
): Promise<string | undefined> {
  const { path } = (typeof sourceInfo === 'string' ? JSON.parse(sourceInfo) : sourceInfo) as { path: string };
  // S3 reads `+` and `%20` as a space. The agent makes them the same before it parses the URL.
  const address = parseS3Url(path.trim().replaceAll('+', '%20'));
  if (address === undefined) return 'invalid S3 path parameter';
  const client = new S3Client({
    region: cloud.region,
    endpoint: cloud.endpoint,
    forcePathStyle: true,
    maxAttempts: 2,
    credentials: cloud.iam.credentials(agentNode.roleArn, agentNode.id),
  });
  try {
    const keys = await listKeys(client, address);
    if (typeof keys === 'string') return keys;
    const isFolder = keys.length > 0;
    for (const key of isFolder ? keys.filter(each => !each.endsWith('/')) : [address.key]) {
      const place = isFolder
        ? {
            folder: posix.join(destinationPath, posix.dirname(key.slice(address.key.length))),
            name: posix.basename(key),
          }
        : await destination(agentNode, key, destinationPath);
      const failure = await downloadFile(cloud, agentNode, client, { ...address, key }, place.folder, place.name);
      if (failure !== undefined) return failure;
    }
    return undefined;
  } finally {
    client.destroy();
  }
}

/**
 * The agent asks for the bucket's region (HeadBucket; an answer with any status is enough). Then it
 * lists `<key>/` to learn whether the key is a folder. A refused list is no failure for a key
 * without a slash at its end. (The agent uses version 1 of the list. Version 2 asks for the same
 * right with the same `s3:prefix`.)
 */
async function listKeys(client: S3Client, { bucket, key }: S3Address): Promise<string[] | string> {
  await client.send(new HeadBucketCommand({ Bucket: bucket })).catch(unlessMissingHere);
  const Prefix = key === '' || key.endsWith('/') ? key : `${key}/`;
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  try {
    do {
      const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: Prefix || undefined, ContinuationToken });
      const page = await client.send(list);
      keys.push(...(page.Contents ?? []).map(object => object.Key!));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  } catch (error) {
    unlessMissingHere(error);
    return key.endsWith('/') ? String(error) : [];
  }
  return keys;
}

async function destination({ node }: AgentNode, key: string, path: string): Promise<{ folder: string; name: string }> {
  const isFolder = path.endsWith('/') || (await node.run(['test', '-d', path])).exitCode === 0;
  return isFolder
    ? { folder: path, name: posix.basename(key) }
    : { folder: posix.dirname(path), name: posix.basename(path) };
}

/**
 * The file arrives under the SHA-1 of its URL. Beside it lies `<sha1>.etag`, which stays. Then the
 * agent renames the file and gives it mode 0700. Folders that the agent makes have mode 0700.
 */
async function downloadFile(
  cloud: Cloud,
  { id, node }: AgentNode,
  client: S3Client,
  { bucket, key }: S3Address,
  folder: string,
  name: string,
): Promise<string | undefined> {
  const url = `https://s3.${cloud.region}.amazonaws.com/${bucket}/${encodeURI(key)}`;
  const temporary = posix.join(folder, createHash('sha1').update(url).digest('hex'));
  let content: Uint8Array;
  let etag: string;
  try {
    const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    content = await object.Body!.transformToByteArray();
    etag = object.ETag ?? '';
  } catch (error) {
    unlessMissingHere(error);
    cloud.log(`ssm: ${id} may not or cannot read s3://${bucket}/${key}: ${String(error)}`);
    // The agent then tries the URL without credentials and reports that answer, which hides S3's
    // own.
    return 'http request failed. status:403 Forbidden statuscode:403';
  }
  const made = await node.run(['sh', '-c', 'umask 077 && mkdir -p -- "$0"', folder]);
  if (made.exitCode !== 0) return `failed to create directory ${folder}. ${made.stderr}`;
  await node.write(`${temporary}.etag`, Buffer.from(etag), 0o600);
  await node.write(temporary, content, 0o644);
  const target = posix.join(folder, name);
  const renamed = await node.run(['sh', '-c', 'mv -f -- "$0" "$1" && chmod 0700 -- "$1"', temporary, target]);
  return renamed.exitCode === 0
    ? undefined
    : `Something went wrong when trying to access downloaded content. ${renamed.stderr}`;
}

/**
 * The bucket is in the host name or first in the path. The rest, decoded, is the key, in which `:`
 * needs no escape.
 */
function parseS3Url(text: string): S3Address | undefined {
  const url = URL.parse(text);
  const host = /^(?:(?<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com$/.exec(url?.host ?? '');
  if (url === null || host === null) return undefined;
  const path = decodeURIComponent(url.pathname).slice(1);
  if (host.groups?.bucket !== undefined) return { bucket: host.groups.bucket, key: path };
  const slash = path.indexOf('/');
  return slash < 0 ? { bucket: path, key: '' } : { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
}

/** A limit of the stand-in must not look like a refused right. */
function unlessMissingHere(error: any): void {
  if (error?.$metadata?.httpStatusCode === 501) throw error;
}
