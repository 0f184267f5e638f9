/** What `sealpost provide` accepts, stores and prints. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Elsewhere } from '../../bin/here.ts';
import { parseUses, provide, withdraw } from '../../bin/provide.ts';
import type { Use } from '../../core/record/domain.ts';
import { isServing } from '../../core/work/serving.ts';
import { aCertificate, day, domain, mx1, newWorld, node, readyServer, type World } from '../core/world.ts';
import { scratchCa } from '../install/scratch-ca.ts';

const directory = mkdtempSync(join(tmpdir(), 'sealpost-provide-'));
afterAll(() => rmSync(directory, { recursive: true }));
const ca = scratchCa(directory, 'Bought');
const strange = scratchCa(directory, 'Strange');
const bought = ca.issue([`mail.${domain}`, `webmail.${domain}`]);
const other = ca.issue([`webmail.${domain}`]);
let world: World;
let here: Elsewhere;

beforeEach(async () => {
  world = newWorld(Date.now());
  await readyServer(world, { capability: { 'serves-by-name': ['postfix,dovecot,nginx'] } });
  await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
  here = { store: world.store, certificates: world.certificates, roots: ca.root };
});

let files = 0;
function file(text: string): string {
  const path = join(directory, `file-${++files}.pem`);
  writeFileSync(path, text);
  return path;
}
const give = (pem: string, uses: Use[] = ['mail', 'webmail'], key?: string) =>
  provide({ domain, for: uses, pem: file(pem), ...(key !== undefined && { key: file(key) }) }, here, world.time);
const withdrawn = async (uses: Use[]) => (await withdraw(domain, uses, here, world.time)).text;
const record = async () => (await world.store.readDomain(domain))!;

describe('a certificate from elsewhere', () => {
  test('for both is stored, its key in the bucket alone, and nothing is to be ordered', async () => {
    const { text: said } = await give(bought.pem);
    expect(said).toContain('Nothing is ordered while this certificate is good.');
    expect(said).toContain(`${domain}, *.${domain}: nothing secures these names meanwhile.`);
    const { provided } = await record();
    expect(provided).toMatchObject({
      mail: { fingerprint: bought.leaf, issuer: 'elsewhere', issuedBy: 'Bought Intermediate' },
      webmail: { id: provided!.mail!.id },
    });
    expect(provided!.mail!.renewAt).toBe(provided!.mail!.notAfter - 7 * day);
    expect([...world.objects.keys()].sort()).toEqual(
      ['chain', 'key'].map(part => `certificates/${domain}/${provided!.mail!.id}/${part}`),
    );
    expect(JSON.stringify(await record()) + said).not.toContain('PRIVATE KEY');
  });

  test('may have its key in another file, its chain in any order, and its root with it', async () => {
    const [leaf, intermediate] = bought.chain.split(/(?<=END CERTIFICATE-----\n)/);
    await give(ca.root + intermediate + leaf, ['mail'], bought.key);
    const { provided } = await record();
    expect(await world.certificates.readChain({ domain, id: provided!.mail!.id })).toBe(leaf! + intermediate);
    expect(provided).not.toHaveProperty('webmail');
  });

  test('for one thing leaves what is provided for the other', async () => {
    await give(bought.pem, ['mail']);
    await give(other.pem, ['webmail']);
    expect((await record()).provided).toMatchObject({
      ...{ mail: { fingerprint: bought.leaf }, webmail: { fingerprint: other.leaf } },
    });
  });

  test('that is there already is not stored again; one that was withdrawn has another place when it comes back', async () => {
    await give(bought.pem, ['mail']);
    world.time += 1;
    await give(bought.pem, ['webmail']);
    const { provided } = await record();
    expect(provided!.webmail).toEqual(provided!.mail);
    expect(world.objects.size).toBe(2);
    await withdraw(domain, ['mail', 'webmail'], here, world.time);
    await give(bought.pem);
    expect((await record()).provided!.mail!.id).not.toBe(provided!.mail!.id);
    expect((await record()).elsewhere).toHaveLength(2);
  });

  test('that comes again with a corrected chain is stored anew, and goes out', async () => {
    const [leaf, intermediate] = bought.chain.split(/(?<=END CERTIFICATE-----\n)/);
    await give(bought.pem);
    const first = (await record()).provided!.mail!;
    // Before, the intermediate was not checked for what a stricter server sees.
    world.objects.set(`certificates/${domain}/${first.id}/chain`, leaf!);
    const isShown = async () => isServing(mx1, await record(), world.store, world.time);
    const shown = {
      provided: { mail: first.fingerprint, webmail: first.fingerprint },
      providedIds: { mail: first.id, webmail: first.id },
    };
    await world.store.commitWork({
      domain,
      provided: { mail: first, webmail: first },
      servers: [mx1],
      now: world.time,
    });
    const work = (await world.store.workFor({ server: mx1, domain }))!;
    await world.store.recordInstalled(mx1, work, { domain, ...shown, seenAt: world.time, node });
    await world.store.endWork(mx1, work);
    expect(await isShown()).toBe(true);

    world.time += 1;
    await give(leaf! + intermediate, ['mail', 'webmail'], bought.key);
    const again = (await record()).provided!.mail!;
    expect(again.id).not.toBe(first.id);
    expect(again.fingerprint).toBe(first.fingerprint);
    expect(await world.certificates.readChain({ domain, id: again.id })).toBe(bought.chain);
    expect(await isShown()).toBe(false);
  });

  const bad: [string, () => Promise<unknown>, RegExp][] = [
    ['without a key', () => give(bought.chain), /^--pem: there is no private key in it \(PEM\); put it into the file/],
    [
      'with another key',
      () => give(bought.chain, ['mail'], other.key),
      /^--pem: the private key belongs to none of its/,
    ],
    ['that lacks a name', () => give(other.pem), new RegExp(`^--pem: it does not cover mail.${domain}, which people`)],
    ['that has expired', () => give(ca.issue([`mail.${domain}`], { expired: true }).pem, ['mail']), /expired at 2025/],
    ['of a root that nobody trusts', () => give(strange.issue([`mail.${domain}`]).pem, ['mail']), /not a trusted root/],
    ['without its intermediate', () => give(bought.pem.split(/(?<=END CERTIFICATE-----\n)/)[0]!), /add the chain/],
    [
      'whose key has a passphrase',
      () => give('-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA\n-----END ENCRYPTED PRIVATE KEY-----\n' + bought.chain),
      /^--pem: the private key has a passphrase; take it off first/,
    ],
    [
      'that is no file',
      () => provide({ domain, for: ['mail'], pem: '/nowhere' }, here, world.time),
      /\/nowhere cannot be read/,
    ],
    [
      'for a domain that nobody wished',
      () => provide({ domain: 'other.example', for: ['mail'], pem: 'x' }, here, 0),
      /Domain Created/,
    ],
  ];
  test.each(bad)('%s is refused, and nothing is stored', async (_, attempt, message) => {
    const error = await attempt().catch((error: Error) => error);
    expect(error).toMatchObject({ name: 'InvalidStepInput', message: expect.stringMatching(message) });
    expect(String((error as Error).cause ?? '')).toBe('');
    expect(await record()).not.toHaveProperty('provided');
    expect(world.objects.size).toBe(0);
  });

  test('for webmail is refused where no server of the domain serves that', async () => {
    world = newWorld(Date.now());
    await readyServer(world, { capability: { 'serves-by-name': ['postfix,dovecot'] } });
    await world.store.acceptWish({ domain, mailServers: [mx1], policy: 'wildcard' }, { at: world.time }, world.time);
    here = { ...here, store: world.store, certificates: world.certificates };
    await expect(give(bought.pem)).rejects.toThrow(`no server of ${domain} serves webmail by name; say --for mail`);
  });

  test('that ends in a week would be taken over at once, and is refused', async () => {
    world.time = Date.now() + 84 * day;
    await expect(give(bought.pem)).rejects.toThrow('give one that lasts longer');
  });

  test('brought with 20 days left: nobody is told that it has less than 30', async () => {
    world.time = Date.now() + 70 * day;
    await give(bought.pem, ['mail']);
    expect((await record()).provided!.mail).toMatchObject({ told: 30 });
  });

  test('is withdrawn for one, then for all, and ours goes on', async () => {
    await give(bought.pem);
    expect(await withdrawn(['webmail'])).toMatch(/^Withdrawn for webmail .* one of ours is ordered/);
    expect(Object.keys((await record()).provided!)).toEqual(['mail']);
    const { wanted } = (await world.store.claimDomain({ domain, me: 'me', now: world.time }))!;
    const certificate = aCertificate(world);
    await world.store.commitCertificate({
      domain,
      me: 'me',
      seen: wanted,
      certificate,
      servers: [mx1],
      now: world.time,
    });
    expect(await withdrawn(['mail', 'webmail'])).toContain('ours goes out within a minute');
    expect(await record()).not.toHaveProperty('provided');
    expect(await withdrawn(['mail'])).toBe(`Nothing is provided for mail of ${domain}.`);
  });
});

test('what it is for is one of three words', () => {
  expect(['mail', 'webmail', 'both', 'all', undefined].map(parseUses)).toEqual([
    ...[['mail'], ['webmail'], ['mail', 'webmail'], undefined, undefined],
  ]);
});
