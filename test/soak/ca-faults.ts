/** A CA that fails now and then: a proxy stands before Pebble while faults are on. */
import { startProxy, type Proxy } from '../core/acme/proxy.ts';
import { problem, type Fault } from '../failures/rows/fault.ts';
import type { Ca } from '../../local/ca/pebble.ts';
import type { Choices } from './random.ts';

/** One request in so many fails. */
const ONE_IN = 12;

const FAULTS: Record<string, Fault> = {
  '503 with an HTML page': { status: 503, headers: { 'retry-after': '20' }, body: '<html>busy</html>' },
  '429 with Retry-After': {
    status: 429,
    ...problem('rateLimited', 'too many requests'),
    headers: { 'content-type': 'application/problem+json', 'retry-after': '30' },
  },
  'answer lost': 'lost',
  'connection refused': 'refused',
  'no answer': 'silent',
};

export interface CaFaults {
  proxy: Proxy;
  /** How often each fault happened. */
  counted: Record<string, number>;
  /** Until then the CA does not fail: a first order that failed waits for minutes. */
  begin(): void;
  stop(): void;
}

/** @param directory the CA's folder */
export async function caFaults(
  ca: Ca,
  { directory, choices }: { directory: string; choices: Choices },
): Promise<CaFaults> {
  const proxy = await startProxy(ca, directory);
  const counted: Record<string, number> = {};
  const fault: Proxy['fault'] = line => {
    if (!line.startsWith('POST') || choices.share() > 1 / ONE_IN) return undefined;
    const name = choices.of(Object.keys(FAULTS));
    counted[`CA: ${name}`] = (counted[`CA: ${name}`] ?? 0) + 1;
    return FAULTS[name];
  };
  const begin = () => void (proxy.fault = fault);
  return { proxy, counted, begin, stop: () => (proxy.fault = () => undefined) };
}
