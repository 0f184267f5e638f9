/**
 * What goes wrong in AWS. aws.test.ts walks each row at each call of the function: a server and a
 * domain come, one call meets the trouble, and the domain is served in spite of it.
 */
import type { Fate } from '../../model/clockwork.ts';
import type { Row } from './row.ts';

export interface AwsRow {
  /** The function that meets the trouble. */
  step: string;
  /** `stopped`: the execution is stopped by a person, while it is in that state. */
  trouble: Exclude<Fate, 'done'> | 'stopped';
}

const steps = [
  ...['RegisterServer', 'ClaimDomain', 'CreateOrder', 'PublishChallenges', 'Validate', 'FinalizeOrder'],
  ...['ReleaseDomain', 'AssembleDelivery', 'SendDelivery', 'RecordDelivery', 'ReleaseServer'],
];
const troubles: AwsRow['trouble'][] = ['killed before', 'killed after', 'answer lost', 'busy', 'denied', 'stopped'];

/** An execution that is stopped in RegisterServer has an event that nobody else has. */
export const awsRows: AwsRow[] = steps
  .flatMap(step => troubles.map(trouble => ({ step, trouble })))
  .filter(({ step, trouble }) => step !== 'RegisterServer' || trouble !== 'stopped');

const texts: Record<AwsRow['trouble'], Pick<Row, 'what' | 'road' | 'stored' | 'seen'>> = {
  'killed before': {
    what: 'is killed, or out of time or memory, before one of its calls',
    road: 'the state is retried (Sandbox.Timedout, Runtime.ExitError)',
    stored: 'what its calls before wrote',
    seen: 'nothing',
  },
  'killed after': {
    what: 'is killed after one of its calls, before it reads the answer',
    road: 'the state is retried; it finds what is written',
    stored: 'what the call wrote',
    seen: 'an event of the bus may come twice',
  },
  'answer lost': {
    what: 'loses the answer to one of its calls, and the SDK sends the call again',
    road: 'goes on: a write that comes twice is done once',
    stored: 'what the call wrote',
    seen: 'nothing',
  },
  busy: {
    what: 'is throttled at one of its calls, times out there, or gets a 5xx',
    road: 'the state is retried (Throttled)',
    stored: 'what its calls before wrote',
    seen: 'nothing',
  },
  denied: {
    what: 'may not make one of its calls, until a person gives it the right an hour later',
    road: 'the state is retried (AccessDenied), then ParkForPerson, or the execution fails',
    stored: 'what its calls before wrote, and the reason or the claim',
    seen: 'a page with AccessDenied',
  },
  stopped: {
    what: 'is under way when a person stops its execution',
    road: 'the lease ends, and the sweep starts another execution',
    stored: 'what its calls before wrote, and the claim for an hour',
    seen: 'a page: the execution was stopped',
  },
};

const ends: Partial<Record<AwsRow['trouble'], string>> = {
  denied: 'after the right is given and failed executions are redriven, within a day',
  stopped: 'by itself, within the hour of the lease',
};

export const titleOf = ({ step, trouble }: AwsRow): string => `${step} ${texts[trouble].what}`;

export const rows: Row[] = awsRows.map(row => ({
  where: 'AWS',
  ...texts[row.trouble],
  what: titleOf(row),
  served: 'what was served before, and then the certificate',
  ends: ends[row.trouble] ?? 'by itself, within minutes',
  test: { file: 'test/failures/aws.test.ts', name: titleOf(row) },
}));
