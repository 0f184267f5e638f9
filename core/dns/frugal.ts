/**
 * Name servers that a customer chose decide how many questions follow from one: by many names and
 * addresses, and by CNAMEs that lead on. A step asks each question once, and stops at a bound.
 */
import { SealpostError } from '../errors.ts';
import type { Dns } from './authoritative.ts';

/**
 * For one name. A name behind one CNAME needs 22 where each of the two zones has four name servers,
 * and one behind three CNAMEs needs 44.
 */
const QUERIES = 60;
/**
 * For each further name of the certificate: its CNAME at every server of both zones, and where its
 * zone begins.
 */
const QUERIES_OF_ANOTHER = 12;
/** A step has 60 s; what comes after the lookups needs some of them. */
const PATIENCE_MS = 30_000;

/**
 * Wraps a resolver for one step. An answer is kept for the step, a failure too.
 * @param step.names how many names the step looks up
 * @returns a resolver that throws DnsNotPropagated in place of a question too many or too late
 */
export function frugal(dns: Dns, step: { about: string; names: number; now: () => number }): Dns {
  const begun = step.now();
  const most = QUERIES + QUERIES_OF_ANOTHER * (step.names - 1);
  const answers = new Map<string, Promise<unknown>>();
  const once = <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(question);
    if (known) return known as Promise<T>;
    const isLate = step.now() - begun > PATIENCE_MS;
    const answer = isLate || answers.size >= most ? Promise.reject(tooMuch({ question, isLate })) : ask();
    answers.set(question, answer);
    return answer;
  };
  return {
    resolve: (name, type, servers) =>
      once([type, name, ...(servers ?? [])].join(' '), () => dns.resolve(name, type, servers)),
    caa: name => once(`CAA ${name}`, () => dns.caa(name)),
    tlsa: name => once(`TLSA ${name}`, () => dns.tlsa(name)),
  };

  function tooMuch({ question, isLate }: { question: string; isLate: boolean }): SealpostError {
    const { about } = step;
    const [type, name] = question.split(' ');
    const problem = isLate
      ? `The name servers of ${about} take more than ${PATIENCE_MS / 1000} s for all questions`
      : `The name servers and CNAMEs of ${about} need more than ${most} questions`;
    return new SealpostError('DnsNotPropagated', {
      about,
      message: `${problem}; ${type} of ${name} was not asked. Let _acme-challenge lead to us by one CNAME, in a zone of few name servers that answer.`,
    });
  }
}
