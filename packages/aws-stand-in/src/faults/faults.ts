/** The faults of one running stand-in. Without the option `faults` nothing of this happens. */
import { AwsError, type Fault, type Faults } from '../service/service.ts';
import { Buckets } from './buckets.ts';
import { Chances, OUTAGE_MS } from './chances.ts';

export interface FaultOptions {
  /** The same seed gives the n-th request of each caller and operation the same fate. */
  seed: number;
  /** Whose requests meet faults: the ARN of the caller. Everybody's by default. */
  callers?: RegExp;
  /** Faults that do not happen. */
  without?: readonly Fault[];
}

/** AWS's names of its own failures, where the service has another one than most. */
const FAILURE: Record<string, string> = { dynamodb: 'InternalServerError', s3: 'InternalError' };

export function faults({ callers, ...of }: FaultOptions, now: () => number, log: (line: string) => void): Faults {
  const chances = new Chances(of);
  const buckets = new Buckets(now);
  const outages = new Map<string, number>();
  const happens: Faults['happens'] = (fault, kind) => {
    const does = chances.happens(fault, kind);
    if (does) log(`FAULT ${fault}: ${kind}`);
    return does;
  };
  const concerns: Faults['concerns'] = caller => callers?.test(caller.arn) ?? true;
  return {
    happens,
    concerns,
    ofRequest({ caller, service, operation, input }) {
      if (!concerns(caller)) return undefined;
      if (!of.without?.includes('throttled')) buckets.take({ service, operation, input });
      const kind = `${caller.roleArn ?? caller.arn} ${service}:${operation}`;
      if (happens('outage', kind)) outages.set(kind, now() + OUTAGE_MS);
      if ((outages.get(kind) ?? 0) > now() || happens('fails', kind))
        throw new AwsError(
          FAILURE[service] ?? 'InternalFailure',
          'We encountered an internal error. Please try again.',
          {
            status: 500,
          },
        );
      return happens('answerLost', kind) ? 'lost' : undefined;
    },
  };
}
