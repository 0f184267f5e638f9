/** One whole run: looks, asks, walks the steps, and takes back what it has made. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { store as storeOn } from '../aws/store.ts';
import { Table } from '../aws/table.ts';
import { liveLook } from '../bin/settings.ts';
import { Refusal } from '../bin/refusal.ts';
import { systemResolver } from '../core/dns/authoritative.ts';
import { account as accountOf, type Access, type Call } from './account.ts';
import {
  addressOf,
  assertConcurrency,
  assertRights,
  assertRoots,
  assertSender,
  callerOf,
  domainOf,
  nodeOf,
  stackOf,
  zoneIn,
  type Named,
} from './before.ts';
import type { At } from './subject.ts';
import { isLeft, removeDomain, undo } from './undo.ts';
import { table, walk, type Result } from './walk.ts';

export interface Asked {
  named: Named;
  access: Access;
  /** The folder for the answers. */
  directory: string;
  say: (line: string) => void;
  /** Shows what will happen. @returns true if the person agrees */
  agrees: (plan: string[]) => Promise<boolean>;
  signal: AbortSignal;
}

export interface Proof {
  results: Result[];
  /** What could not be taken back. */
  left: string[];
  isInterrupted: boolean;
}

/** @throws Refusal or an error of AWS before anything is changed */
export async function prove(asked: Asked): Promise<Proof> {
  const { named, say, signal, directory } = asked;
  let heard: Call[] = [];
  const account = accountOf(asked.access, call => heard.push(call));
  const at = await lookBefore(named, { account, signal });
  if (!(await asked.agrees(planOf(at))))
    throw new Refusal({ name: 'NotAgreed', message: 'Nothing was changed.', exitCode: 1 });
  const calls = () => {
    const since = heard;
    heard = [];
    return since;
  };
  const done: Result[] = [];
  const failure = await (async () => {
    if (await isLeft(at)) say(`A run before this one has left ${at.subject.domain}: it is removed first …`);
    await removeDomain(at);
    for await (const result of walk(at, { say, calls, directory })) done.push(result);
  })().catch((error: Error) => error);
  say('Everything that was made is removed …');
  const left = await undo({ ...at, signal: new AbortController().signal });
  if (failure && !signal.aborted) throw failure;
  return { results: done, left, isInterrupted: signal.aborted };
}

/** Reads only. The order is that in which a person would meet the obstacles. */
export async function lookBefore(named: Named, { account, signal }: Pick<At, 'account' | 'signal'>): Promise<At> {
  const { stack, node, server } = named;
  const caller = await callerOf(account);
  const known = await stackOf(account, stack, caller);
  await assertRights(account, caller, named);
  await assertSender(account, caller, stack);
  assertRoots(known);
  await assertConcurrency(account);
  const platform = await nodeOf(account, named);
  const dns = systemResolver(known.resolvers.split(',').filter(address => address !== ''));
  const zone = await zoneIn(account, dns, named.zone);
  const address = await addressOf(dns, server);
  const store = storeOn(new Table(account.table as DynamoDBClient, known.table));
  const isNew = (await store.readServer(server)) === undefined;
  const subject = { ...caller, stack, node, server, platform, zone, address, isNew, domain: domainOf(named) };
  return { subject, account, store, dns, look: liveLook(dns, known.roots), signal };
}

function planOf({ subject }: At): string[] {
  const { account, region, stack, node, server, isNew, domain, zone } = subject;
  return [
    `Account ${account}, region ${region}, stack ${stack}`,
    `The server ${server} on ${node} is registered${isNew ? '' : ' again'}, and adopted: lines are written into the`,
    '  configuration of its mail software (docs/mail-servers.md says which, and how they are undone).',
    `The domain ${domain} is made in the zone ${zone.name}, secured, renewed and removed.`,
    `At the end the domain and its records are gone${isNew ? ', and the server is retired' : ''}.`,
    'It costs less than a cent, and takes about ten minutes.',
  ];
}

/** For a person. */
export function proofText({ results, left, isInterrupted }: Proof): string {
  const differ = results.filter(({ differs }) => (differs?.length ?? 0) > 0).length;
  const verdict = isInterrupted
    ? 'Interrupted: what was made is removed, and a second run begins anew.'
    : differ === 0
      ? 'Every answer is as expected.'
      : `${differ} of ${results.length} answers differ. docs/first-account.md says more of each step.`;
  const notUndone = left.map(line => `NOT REMOVED: ${line}`);
  return [...(results.length > 0 ? [table(results), ''] : []), ...notUndone, verdict].join('\n');
}
