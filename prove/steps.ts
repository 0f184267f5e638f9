/**
 * The first hour, a row a step: what it asks, what we expect, and what a person does if the answer
 * differs. docs/first-account.md says more under the heading of each row.
 */
import { DescribeEventBusCommand } from '@aws-sdk/client-eventbridge';
import { SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { create, remove, renew } from './domain-steps.ts';
import { put } from './events.ts';
import { endOf } from './executions.ts';
import type { Json } from './redact.ts';
import { nodeRole, readAnother, register } from './server-steps.ts';
import type { At, Subject } from './subject.ts';

export interface Step {
  name: string;
  /** For a person who waits. */
  about: string;
  /** Throws what AWS throws: an error is an answer, too. */
  asks: (at: At) => Promise<Json>;
  expects: Json | ((subject: Pick<Subject, 'node'>) => Json);
  /** What a person does if the answer differs. */
  explain: string;
  /** The row is useless for what follows, unless it is as expected. */
  isNeeded?: true;
}

/** A detail-type that no event has: such an event is answered with Request Rejected. */
const MISTYPED = { detailType: 'Proof Asked', detail: {} };

export const steps: Step[] = [
  {
    name: 'BusPolicy',
    about: "Who may put events on the stack's bus",
    asks: busPolicy,
    expects: ['Deny OnlySendersAndOurRoles', 'Deny OnlyOurRolesSpeakAsSealpost', 'Allow NamedSendersMaySpeak'],
    explain: 'Do not go on: without both denials, any role of the account may speak as sealpost (decision 0032).',
    isNeeded: true,
  },
  {
    name: 'TwoEntries',
    about: 'Two events in one call, each of which starts an execution',
    asks: twoEntries,
    expects: { failed: 0, executions: ['FAILED', 'FAILED'] },
    explain: 'Look at the statement NamedSendersMaySpeak in lib/buses.ts, and at the rules of the bus.',
  },
  {
    name: 'SealpostDenied',
    about: 'A sender speaks as sealpost, and is denied',
    asks: at => denied(at, ['sealpost']),
    expects: { error: 'AccessDeniedException' },
    explain:
      'Do not go on: a sender could register servers as sealpost does (OnlyOurRolesSpeakAsSealpost, lib/buses.ts).',
  },
  {
    name: 'MixedDenied',
    about: 'A sender hides an event of sealpost behind one of its own, and is denied',
    asks: at => denied(at, [undefined, 'sealpost']),
    expects: { error: 'AccessDeniedException' },
    explain: 'Do not go on: the set operator of OnlyOurRolesSpeakAsSealpost does not see every entry (lib/buses.ts).',
  },
  {
    name: 'BadToken',
    about: 'A task is resumed with a token that is none',
    asks: badToken,
    expects: { error: 'InvalidToken' },
    explain: 'Let commandEnded (core/deliver-to-server) know the error that Step Functions answers.',
  },
  {
    name: 'NodeRole',
    about: 'The role that Systems Manager names for the node',
    asks: nodeRole,
    expects: ({ node }) =>
      node.startsWith('mi-')
        ? { resourceType: 'ManagedInstance', namesRole: true }
        : { resourceType: 'EC2Instance', namesRole: false },
    explain: 'Name the role that the node reads its deliveries with in the event ("role"), and report the answer.',
  },
  {
    name: 'Register',
    about: 'The server is registered, adopted, and served under its own name',
    asks: register,
    expects: { execution: 'SUCCEEDED', inspected: true, servesItsOwnName: true },
    explain: 'sealpost status with the server says why, and what to do.',
    isNeeded: true,
  },
  {
    name: 'ServerDenied',
    about: 'The server asks for a delivery of another server, and is denied',
    asks: readAnother,
    expects: { status: 'Failed', isDenied: true, listedWhilePending: false },
    explain:
      'isDenied false: stop, a server can read keys of another server (lib/mail-servers.ts). ' +
      'listedWhilePending true: nothing breaks; a killed step finds its command earlier.',
  },
  {
    name: 'Domain',
    about: 'A domain, from Domain Created to installed',
    asks: create,
    expects: { execution: 'SUCCEEDED', transitions: 7, served: true, sendDelivery: 'TaskSucceeded' },
    explain:
      'sealpost status with the domain says why it is parked. sendDelivery TaskTimedOut: ' +
      'let sendTaskSuccess in lib/rights.ts name * as its resource.',
    isNeeded: true,
  },
  {
    name: 'Renewal',
    about: 'The domain is renewed because a person asks',
    asks: renew,
    expects: { asked: true, another: true, served: true },
    explain: 'Read the history of the newest execution of secure-domain for the domain.',
  },
  {
    name: 'Removal',
    about: 'The domain is deleted, and is served no longer',
    asks: remove,
    expects: { installed: false, served: false },
    explain: 'Read the history of the newest execution of deliver-to-server for the server.',
  },
];

async function busPolicy({ account, subject }: At): Promise<Json> {
  const { Policy = '{}' } = await account.events.send(new DescribeEventBusCommand({ Name: subject.stack }));
  const { Statement = [] } = JSON.parse(Policy) as { Statement?: { Effect: string; Sid?: string }[] };
  return Statement.map(({ Effect, Sid = 'without a name' }) => `${Effect} ${Sid}`);
}

async function twoEntries(at: At): Promise<Json> {
  const { ids, failed } = await put(at, [MISTYPED, MISTYPED]);
  const ends: string[] = [];
  for (const eventId of ids) ends.push((await endOf(at, { machine: 'secure-domain', eventId, minutes: 5 })).status);
  return { failed, executions: ends };
}

async function denied(at: At, sources: (string | undefined)[]): Promise<Json> {
  const { failed } = await put(
    at,
    sources.map(source => ({ ...MISTYPED, ...(source !== undefined && { source }) })),
  );
  return { failed };
}

async function badToken({ account }: At): Promise<Json> {
  await account.states.send(new SendTaskSuccessCommand({ taskToken: 'no token', output: '{}' }));
  return {};
}
