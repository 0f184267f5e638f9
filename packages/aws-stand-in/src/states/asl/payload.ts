import { StateError } from './state-error.ts';

/** The largest output of a state or result of a task in Step Functions, in bytes. */
const payloadLimit = 256 * 1024;
/** @throws StateError States.DataLimitExceeded over 256 KiB. */
export function assertPayloadFits(what: string, json: string): void {
  if (Buffer.byteLength(json) <= payloadLimit) return;
  throw new StateError(
    'States.DataLimitExceeded',
    `The state/task '${what}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  );
}
