/** The domain of an execution, from the input of one of its states. */
import { parseDomainEvent } from './domain-event.ts';

/**
 * @param input a plan, or the event that started the execution
 * @throws SealpostError InvalidStepInput
 */
export function domainIn(input: { domain?: unknown }): string {
  if (typeof input.domain === 'string') return input.domain;
  const request = parseDomainEvent(input);
  return request.kind === 'wish' ? request.wish.domain : request.domain;
}
