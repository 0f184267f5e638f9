import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  paginateFilterLogEvents,
} from '@aws-sdk/client-cloudwatch-logs';
import { DeleteItemCommand, DynamoDBClient, paginateScan, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { GetCommandInvocationCommand, GetParameterCommand, paginateListCommands, SSMClient } from '@aws-sdk/client-ssm';
import { beforeAll, describe, expect, it } from 'vitest';
import { TEST_MAILBOX } from '../../local/hosts/mail-server.ts';
import { keyIn } from '../key-scan.ts';
import { road } from './provider.ts';

/** Pieces of a private key in every form in which a program is likely to write it. */
function pieces(pem: string): Buffer[] {
  const key = createPrivateKey(pem);
  const { d } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d!, 'base64url');
  const der = key.export({ format: 'der', type: 'pkcs8' });
  // A file in base64, after any number of other bytes: three alignments, without the characters
  // that the neighbouring bytes change.
  const encoded = [0, 1, 2].map(before =>
    Buffer.from(' '.repeat(before) + pem)
      .toString('base64')
      .slice(8, 120),
  );
  const texts = [
    ...encoded,
    ...pem.split('\n').filter(line => line.length > 20 && !line.startsWith('-')),
    der.toString('base64'),
    der.toString('hex'),
    d!,
    secret.toString('base64'),
    secret.toString('hex'),
  ];
  return [...texts.map(text => Buffer.from(text)), der, secret];
}

async function every<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

/** The keys of the account and of each certificate, as the account's owner reads them. */
async function everyKey(): Promise<string[]> {
  const s3 = new S3Client(road.provider.client());
  const Bucket = road.provider.stack.outputs.CertificateBucket!;
  const pages = await every(paginateListObjectsV2({ client: s3 }, { Bucket }));
  const keys = pages
    .flatMap(({ Contents = [] }) => Contents.map(({ Key }) => Key!))
    .filter(key => key.endsWith('/key'));
  const bodies = keys.map(async Key =>
    (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString(),
  );
  const ssm = new SSMClient(road.provider.client());
  const ask = { Name: '/sealpost/issuers/pebble/account-key', WithDecryption: true };
  return [...(await Promise.all(bodies)), (await ssm.send(new GetParameterCommand(ask))).Parameter!.Value!];
}

/** Each place that a person or a program can read without a right to keys, as its bytes. */
const places: Record<string, () => Promise<Buffer[]>> = {
  'the histories of executions': async () => {
    const executions = await road.history.executions();
    const histories = executions.map(({ executionArn }) => road.history.events(executionArn!));
    return [executions, ...(await Promise.all(histories))].map(one => Buffer.from(JSON.stringify(one)));
  },
  'the commands and what they printed': async () => {
    const ssm = new SSMClient(road.provider.client());
    const pages = await every(paginateListCommands({ client: ssm }, { MaxResults: 50 }));
    const commands = pages.flatMap(({ Commands = [] }) => Commands);
    const answers = commands.flatMap(({ CommandId, InstanceIds }) =>
      ['delivery', 'installer', 'install', 'installWindows'].map(PluginName =>
        ssm.send(new GetCommandInvocationCommand({ CommandId, InstanceId: InstanceIds![0]!, PluginName })),
      ),
    );
    return [commands, ...(await Promise.all(answers))].map(one => Buffer.from(JSON.stringify(one)));
  },
  'the logs of the functions': async () => {
    const client = new CloudWatchLogsClient(road.provider.client());
    const { logGroups } = await client.send(new DescribeLogGroupsCommand({}));
    const lines = logGroups!.map(({ logGroupName }) => every(paginateFilterLogEvents({ client }, { logGroupName })));
    return (await Promise.all(lines)).flat().map(({ events }) => Buffer.from(JSON.stringify(events)));
  },
  'the table': async () => {
    const client = new DynamoDBClient(road.provider.client());
    const TableName = road.provider.stack.outputs.TableName!;
    const pages = await every(paginateScan({ client }, { TableName }));
    return pages.map(({ Items }) => Buffer.from(JSON.stringify(Items)));
  },
  'what was said on the bus': async () => [Buffer.from(JSON.stringify(road.bus.facts))],
  'the files of the stand-in for AWS': async () =>
    readdirSync(road.cloudDirectory, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name !== 'cloud.sqlite-shm')
      .map(entry => readFileSync(join(entry.parentPath, entry.name))),
  "the environment of the functions' processes": async () => {
    const environments = functionProcesses().map(pid => readFileSync(`/proc/${pid}/environ`));
    // The environment has the function's settings, such as the table's name.
    expect(environments.length).toBeGreaterThan(5);
    return [...environments, Buffer.from('bakery.test')];
  },
  'the temporary files of this machine': async () => [
    Buffer.from('bakery.test'),
    ...filesBelow(tmpdir()).flatMap(readIfThere),
  ],
  'the logs of the mail servers': () => onEachHost('find /var/log -type f -exec cat {} +'),
  'the environment and the command lines of what runs on the mail servers': () =>
    onEachHost('cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; hostname'),
};

/** The output of a shell line on each test host. A process may end while it is read. */
async function onEachHost(line: string): Promise<Buffer[]> {
  const hosts = [...road.provider.hosts.values()];
  return Promise.all(hosts.map(async host => Buffer.from((await host.run(['sh', '-c', line])).stdout)));
}

/** Children of this process that run a function. */
function functionProcesses(): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      const of = (what: string) => readFileSync(`/proc/${pid}/${what}`, 'utf8');
      return of('cmdline').includes('bootstrap.mjs') && of('stat').split(') ')[1]!.split(' ')[1] === `${process.pid}`;
    } catch {
      return false; // no process, or one that has just ended
    }
  });
}

/** Other tests create and delete files beside ours. */
function readIfThere(path: string): Buffer[] {
  try {
    return [readFileSync(path)];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

/**
 * Files that functions may have left: written after this process began, and not in the folders of
 * test hosts. The tests search this provider's hosts from inside. Other tests remove their folders
 * meanwhile, so a folder that is gone holds nothing.
 */
function filesBelow(directory: string): string[] {
  return entriesOf(directory).flatMap(entry => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'hosts' || entry.name === 'node_modules' ? [] : filesBelow(path);
    if (!entry.isFile() || path.endsWith('.sqlite-shm')) return [];
    const { size, ctimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0, ctimeMs: 0 };
    return size < 8_000_000 && ctimeMs >= performance.timeOrigin ? [path] : [];
  });
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

describe('a private key is in none of', () => {
  let keys: string[];
  beforeAll(async () => {
    keys = await everyKey();
  });
  /** The number of texts that hold a piece of a key. */
  const holding = (texts: Buffer[]) => {
    const wanted = keys.flatMap(pieces);
    return texts.filter(text => wanted.some(piece => text.includes(piece))).length;
  };

  it('(the tests have keys to search for, and the keys look like this)', () => {
    expect(keys.length).toBeGreaterThan(5);
    for (const key of keys) expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });

  it.each(Object.entries(places))('%s', async (place, read) => {
    const texts = await read();
    // The place has data, and the search finds a known word in the data.
    const usual = ['bakery.test', 'mx1.provider.test', TEST_MAILBOX.user, ' installed'];
    expect(texts.some(text => usual.some(word => text.includes(word)))).toBe(true);
    expect(holding(texts)).toBe(0);
    // This machine's temporary files may hold keys of other programs, but not ours.
    if (!place.startsWith('the temporary')) expect(texts.flatMap(text => keyIn(text) ?? [])).toEqual([]);
  });

  it('(a planted key is found: in base64 in the table, and so in the file of the table)', async () => {
    const client = new DynamoDBClient(road.provider.client());
    const TableName = road.provider.stack.outputs.TableName!;
    const where = { pk: { S: 'planted' }, sk: { S: 'planted' } };
    const text = Buffer.from(`?${keys[0]}`).toString('base64');
    await client.send(new PutItemCommand({ TableName, Item: { ...where, text: { S: text } } }));
    for (const place of ['the table', 'the files of the stand-in for AWS'])
      expect(holding(await places[place]!()), place).toBeGreaterThan(0);
    await client.send(new DeleteItemCommand({ TableName, Key: where }));
    expect(holding([Buffer.from(`something before\n${keys[0]}`)])).toBe(1);
    expect(holding([Buffer.from('-----BEGIN CERTIFICATE-----')])).toBe(0);
  });
});

describe('on the mail server', () => {
  it("a private key is in the live PEM, in the daemons' files made from it, and in no other file", async () => {
    const host = road.provider.hosts.get('mx1')!;
    const lines = (await everyKey()).flatMap(pem =>
      pem.split('\n').filter(line => line.length > 20 && !line.startsWith('-')),
    );
    const search = (where: string[]) =>
      host.run(['grep', '-rlsFf', '-', ...where], { input: `${lines.join('\n')}\n`, timeoutMs: 120_000 });
    const everywhere = ['/etc', '/run', '/tmp', '/var', '/root', '/home', '/opt', '/usr/local', '/dev/shm'];
    const holding = (await search(everywhere)).stdout.trim().split('\n').sort();
    const expected =
      /^\/etc\/sealpost\/((live|web-[0-9a-f]{32})\/[a-z0-9.-]+\.pem|host\/(postfix|dovecot|nginx)\.pem|sni\.lmdb)$/;
    expect(holding.filter(path => !expected.test(path))).toEqual([]);
    expect(holding).toContain('/etc/sealpost/live/bakery.test.pem');
    await host.write('/var/tmp/planted', Buffer.from(`left behind\n${lines[0]}\n`), 0o600);
    expect((await search(['/var/tmp'])).stdout.trim()).toBe('/var/tmp/planted');
    await host.run(['rm', '/var/tmp/planted']);
  });
});
