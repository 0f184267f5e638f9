/**
 * Throttling by token buckets, as AWS publishes them or, where AWS publishes nothing, as strict as
 * callers report. They are for the whole account.
 */
import { AwsError } from '../service/service.ts';

interface Bucket {
  /** Tokens of a full bucket, and tokens that it gets in a second. */
  size: number;
  perSecond: number;
  /** AWS's name of the refusal. */
  code: string;
  /** The tokens of a request; 1 by default. */
  cost?(input: any): number;
}

const RATE = 'ThrottlingException';
const route53: Bucket = { size: 50, perSecond: 10, code: 'Throttling' };

/** By service and operation, or by service for all operations together. */
const BUCKETS: Record<string, Bucket> = {
  // Route 53 developer guide, "Quotas": requests of an account, and its changes. A change costs one
  // token, an UPSERT two.
  route53,
  'route53:ChangeResourceRecordSets': {
    ...{ size: 1_500, perSecond: 100, code: route53.code },
    cost: ({ ChangeBatch: { Changes } }) =>
      Changes.reduce((sum: number, { Action }: { Action: string }) => sum + (Action === 'UPSERT' ? 2 : 1), 0),
  },
  // Not published. Callers report refusals at two or three commands a second.
  'ssm:SendCommand': { size: 5, perSecond: 2, code: RATE },
  'ssm:GetCommandInvocation': { size: 20, perSecond: 5, code: RATE },
  // Step Functions developer guide, "Quotas", and EventBridge quotas: in most regions.
  'states:StartExecution': { size: 800, perSecond: 150, code: RATE },
  'events:PutEvents': { size: 400, perSecond: 400, code: RATE },
};

export class Buckets {
  readonly #now: () => number;
  readonly #left = new Map<string, { tokens: number; at: number }>();

  /** @param now in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws AwsError the service's refusal, if a bucket of the request is empty */
  take({ service, operation, input }: { service: string; operation: string; input: unknown }): void {
    for (const name of [service, `${service}:${operation}`]) {
      const bucket = BUCKETS[name];
      if (bucket && !this.#fill(name, bucket, bucket.cost?.(input) ?? 1))
        throw new AwsError(bucket.code, 'Rate exceeded');
    }
  }

  /** @returns false, and takes nothing, if there are too few tokens */
  #fill(name: string, { size, perSecond }: Bucket, cost: number): boolean {
    const now = this.#now();
    const before = this.#left.get(name) ?? { tokens: size, at: now };
    const tokens = Math.min(size, before.tokens + ((now - before.at) / 1_000) * perSecond);
    const isEnough = tokens >= cost;
    this.#left.set(name, { tokens: isEnough ? tokens - cost : tokens, at: now });
    return isEnough;
  }
}
