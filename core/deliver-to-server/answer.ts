/**
 * What the installer prints: a header line, one letter for each entry, reasons, facts. SSM cuts the
 * output at 24,000 characters.
 */
import { printable, SealpostError, remedies, type ErrorName } from '../errors.ts';
import { parseAudit, type AuditAnswer } from '../audit/audit-answer.ts';
import type { Facts } from '../record/capability.ts';
import type { DeliveryUnderWay } from '../record/server.ts';

export const letters = {
  s: 'served',
  u: 'unchanged',
  d: 'removed',
  r: 'refused',
  b: 'rolled back',
  x: 'broken',
} as const;
export type Letter = keyof typeof letters;
/** How far a host's sequence number may be ahead of ours: a delivery a second for twelve days. */
const MAX_LEAP = 1_000_000;
export type Outcome = 'installed' | 'rolled-back' | 'broken' | 'inspected' | 'verified' | 'stale' | 'expired';
type Mode = DeliveryUnderWay['mode'];
/**
 * What a server may answer to each mode. A server that is broken into may answer anything: an
 * inspection's facts in place of an installation's letters would be believed.
 */
const outcomesOf: Record<Mode, Outcome[]> = {
  install: ['installed', 'rolled-back', 'broken', 'stale', 'expired'],
  inspect: ['inspected', 'stale', 'expired'],
  verify: ['verified', 'stale', 'expired'],
};

export interface Answer {
  outcome: Outcome;
  /** One for each entry, in the order of the delivery. */
  entries: { letter: Letter; reason?: { name: ErrorName; text: string } }[];
  facts: Facts;
  audit?: AuditAnswer;
  /** With `stale`: the sequence number that the host knows. */
  storedSeq?: number;
}

/**
 * @param output the command's standard output
 * @param sent.hash sha256 of the delivery that was sent; an answer that names another hash is no
 *   answer
 * @throws SealpostError ServerUnreachable if the header is missing, names another delivery, or has
 *   an outcome that the mode cannot have: the outcome is unknown, and the work stays
 */
export function parseAnswer(
  output: string,
  { server, hash, seq, mode }: { server: string; hash: string; seq: number; mode: Mode },
): Answer {
  const lines = output.split('\n');
  const header = lines.findIndex(line => line.startsWith(`sealpost ${hash} `));
  const unknown = (why: string) =>
    new SealpostError('ServerUnreachable', {
      about: server,
      message: `${server} gave no answer to delivery ${seq} (${why}); it is delivered again`,
    });
  if (header < 0) throw unknown('the first line of its output does not name this delivery');
  const [, , answeredSeq, outcome, storedSeq] = lines[header]!.split(' ');
  if (Number(answeredSeq) !== seq) throw unknown(`header "${lines[header]}"`);
  if (!outcomesOf[mode].some(one => one === outcome)) throw unknown(`"${outcome}" is no outcome of mode ${mode}`);
  const answer: Answer = { outcome: outcome as Outcome, entries: [], facts: Object.create(null) as Facts };
  // A number that is far ahead cannot come from a restored table. If it were believed, the server's
  // sequence would be used up.
  if (outcome === 'stale' && /^\d{1,11}$/.test(storedSeq ?? '') && Number(storedSeq) <= seq + MAX_LEAP)
    answer.storedSeq = Number(storedSeq);
  const body = lines.slice(header + 1);
  if (body[0] && /^[sudrbx]+$/.test(body[0]))
    answer.entries = [...body.shift()!].map(letter => ({ letter: letter as Letter }));
  for (const line of body) {
    const fact = /^fact ([a-z-]{1,40}) ?(.*)$/.exec(line);
    if (fact) (answer.facts[fact[1]!] ??= []).push(printable(fact[2]!));
    const reason = /^(\d+) [sudrbx] (\w+) (.*)$/.exec(line);
    const entry = reason && answer.entries[Number(reason[1]) - 1];
    if (entry) entry.reason = { name: asErrorName(reason[2]!), text: printable(reason[3]!) };
  }
  const audit = parseAudit(body);
  return { ...answer, ...(audit && { audit }) };
}

function asErrorName(text: string): ErrorName {
  return Object.hasOwn(remedies, text) ? (text as ErrorName) : 'InstallRefused';
}
