/**
 * Records each distinct authorization with its decision, so that another evaluator can be asked the
 * same question. The record is a file of JSON lines. A line is a policy with its hash, as
 * `{"policy":"…","document":{}}`, or a `Decision`, which names policies by their hashes. Several
 * processes may append to one file; a line then comes once from each of them.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import type { Policy, Question } from './policy.ts';

export interface Decision {
  /** The ARN of a role or a role's session, or the host name of a service. */
  principal: string;
  action: string;
  resource: string;
  /** Condition keys in lower case. The time is left out, or no two questions would be equal. */
  context: Record<string, string | string[]>;
  identity: string[];
  resourcePolicy?: string;
  isAllowed: boolean;
  /** The text of the refusal. */
  reason?: string;
}

interface Decided {
  question: Question;
  identity: Policy[];
  attached: Policy | undefined;
}

export class RecordedDecisions {
  readonly #file: string;
  readonly #known = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  /** Decides, and records how. @throws what `decide` throws */
  of(decided: Decided, decide: (decided: Decided) => void): void {
    try {
      decide(decided);
    } catch (error) {
      this.#add(decided, (error as Error).message);
      throw error;
    }
    this.#add(decided);
  }

  #add({ question: { caller, action, resource, context }, identity, attached }: Decided, reason?: string): void {
    const { 'aws:currenttime': _, ...keys } = Object.fromEntries(context);
    const decision: Decision = {
      principal: caller.arn,
      action,
      resource,
      context: keys,
      identity: identity.map(policy => this.#policy(policy)),
      ...(attached && { resourcePolicy: this.#policy(attached) }),
      isAllowed: reason === undefined,
      ...(reason && { reason }),
    };
    this.#append(decision);
  }

  #policy({ document }: Policy): string {
    const policy = createHash('sha256').update(JSON.stringify(document)).digest('hex').slice(0, 16);
    this.#append({ policy, document });
    return policy;
  }

  #append(line: object): void {
    const text = JSON.stringify(line);
    const hash = createHash('sha256').update(text).digest('base64');
    if (this.#known.has(hash)) return;
    this.#known.add(hash);
    appendFileSync(this.#file, `${text}\n`);
  }
}
