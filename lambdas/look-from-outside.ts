/** Woken by its schedule, every five minutes: checks the servers that are due from outside. */
import { outsideItems } from '../aws/outside-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { workItems } from '../aws/work-items.ts';
import { rootCertificates } from 'node:tls';
import { handshake, trusting } from '../core/audit/handshake.ts';
import { checkDueServers } from '../core/audit/round.ts';
import { audits, bus, clock, dns, roots, setting, storeOf } from './environment.ts';

/** A mail server that takes longer than this is too slow for its clients. */
const PATIENCE_MS = 5_000;

export const handler = async (): Promise<{ looked: number; failed: number }> => {
  const trust = trusting(...rootCertificates, roots());
  return checkDueServers({
    store: storeOf(outsideItems, serverItems, workItems),
    dns: dns(),
    bus: bus(),
    askAudit: server => audits()({ server, by: 'the outside check' }),
    clock,
    ports: setting('OUTSIDE_PORTS').split(',').filter(Boolean).map(Number),
    handshake: look => handshake({ ...look, trust, patienceMs: PATIENCE_MS }),
  });
};
