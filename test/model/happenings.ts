/** Carries out what happens to the product in a run. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { inspectChain, newKey } from '../../core/certificate/certificate.ts';
import type { ProvidedCertificate, Use } from '../../core/record/domain.ts';
import { takenOverAt } from '../../core/record/provided.ts';
import { emptyMemory, type Memory } from '../twins/memory.ts';
import { domains, nodeOf, nodes, servers, uses, type Step } from './choices.ts';
import type { Fate } from './clockwork.ts';
import { DAY, HOUR, type Universe } from './universe.ts';
import { leafFor } from './x509.ts';

/** Between two calls of ports. A fate is for the calls that come next. */
export class Happenings {
  readonly #universe: Universe;
  /** Every event that was sent, so that one may come again. */
  readonly #sent: Parameters<Universe['send']>[] = [];
  #backup: Memory | undefined;
  #provided = 0;
  fates: Fate[] = [];
  isRestored = false;

  constructor(universe: Universe) {
    this.#universe = universe;
  }

  /** All servers are registered, and each domain has a wish. */
  begin(): void {
    for (const [i] of servers.entries()) this.register(i, 0);
    for (const [i] of domains.entries()) this.wish(i, i + 1);
  }

  wish(domain: number, mask: number): void {
    const mailServers = servers.filter((_, i) => mask & (1 << i));
    this.#send('secure-domain', 'Domain Changed', { domain: domains[domain], mailServers });
  }

  register(server: number, node: number): void {
    this.#send('register-server', 'Mail Server Registered', {
      ...{ server: servers[server], node: nodeOf(server, node), adopt: true },
    });
  }

  #send(machine: Parameters<Universe['send']>[0], type: string, detail: object): void {
    const time = `${new Date(this.#universe.time).toISOString().slice(0, 19)}Z`;
    const event = { 'detail-type': type, time, detail };
    this.#sent.push([machine, event]);
    this.#universe.send(machine, event);
  }

  async perform(step: Step): Promise<void> {
    const universe = this.#universe;
    const { after: _, is, ...more } = step;
    universe.tell(`${is} ${JSON.stringify(more)}`);
    switch (step.is) {
      case 'fate':
        return void this.fates.push(...Array.from({ length: step.times }, () => step.fate));
      case 'wish':
        return this.wish(step.domain, step.servers);
      case 'deletion':
        return this.#send('secure-domain', 'Domain Deleted', { domain: domains[step.domain], revoke: step.revoke });
      case 'asked':
        return this.#send('secure-domain', 'Certificate Expiring', { domain: domains[step.domain] });
      case 'registration':
        return this.register(step.server, step.node);
      case 'retirement':
        return this.#send('register-server', 'Mail Server Retired', { server: servers[step.server] });
      case 'event again':
        return universe.send(...this.#sent[step.event % this.#sent.length]!);
      case 'provided':
        return this.#provide(domains[step.domain]!, uses[step.use]!, step.days);
      case 'withdrawn':
        return this.#withdraw(domains[step.domain]!);
      case 'renewal':
        return universe.renew(domains[step.domain]!);
      case 'audit':
        return universe.audit(servers[step.server]!);
      case 'sweep':
        return universe.sweep();
      case 'execution dies':
        return universe.tell(`dead: ${universe.steps.kill(step.which) ?? 'none'}`);
      case 'node':
        return void (universe.nodes.get(nodes[step.node]!.id)!.isOn = step.isOn);
      case 'crash':
        return void (universe.nodes.get(nodes[step.node]!.id)!.crash = step.when);
      case 'drift':
        return this.#drift(step);
      case 'lost event':
        return void universe.lostEvents++;
      case 'lost command':
        return void universe.lostCommands++;
      case 'issuer':
        return void (universe.cas[step.which]!.isAway = step.isAway);
      case 'key refused':
        return void (universe.cas[step.which]!.refusesNext = true);
      case 'mass revocation':
        return universe.cas.forEach(ca => ca.replaceAll());
      case 'delegation':
        return void universe.names.taken[step.isThere ? 'delete' : 'add'](domains[step.domain]!);
      case 'time':
        return universe.clockwork.passUntil(universe.time + step.ms);
      case 'backup':
        return void (this.#backup = structuredClone(universe.world.memory));
      case 'restore':
        return this.#restore();
    }
  }

  /** After this nothing goes wrong any more. */
  end(): void {
    const { nodes, cas, names } = this.#universe;
    this.fates = [];
    for (const node of nodes.values()) {
      node.isOn = true;
      delete node.crash;
    }
    for (const ca of cas) Object.assign(ca, { isAway: false, refusesNext: false });
    names.taken.clear();
  }

  #drift({ node, domain }: { node: number; domain: number }): void {
    const { id, server } = nodes[node]!;
    this.#universe.nodes.get(id)!.disk.delete(domains[domain] ?? server);
  }

  /** As `sealpost provide` does: the objects first, then the record. */
  async #provide(domain: string, uses: Use[], days: number): Promise<void> {
    const { world, time } = this.#universe;
    const record = world.memory.domains.get(domain);
    if (!record?.spec || record.spec.deleted) return;
    const keyPem = newKey();
    const publicKey = createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' });
    const names = [domain, `mail.${domain}`, `webmail.${domain}`];
    const from = Math.floor(time / 1000) * 1000 - HOUR;
    const serial = 1_000_000 + ++this.#provided;
    const chainPem = leafFor({ serial, names, publicKey, from, until: from + days * DAY });
    const { notBefore, notAfter, sha256, issuer } = inspectChain(chainPem);
    const id = createHash('sha256').update(`provided ${serial}`).digest('hex');
    const renewAt = Math.round(takenOverAt({ notBefore, notAfter }));
    const facts = {
      id,
      fingerprint: sha256,
      names,
      notBefore,
      notAfter,
      issuer: 'elsewhere',
      issuedBy: issuer,
      renewAt,
    };
    const one: ProvidedCertificate = facts;
    await world.certificates.putKeyOnce({ domain, id }, keyPem);
    await world.certificates.putChain({ domain, id }, chainPem);
    const provided = { ...record.provided, ...Object.fromEntries(uses.map(use => [use, one])) };
    await world.store.provide(domain, { provided, before: record.provided, now: time });
  }

  async #withdraw(domain: string): Promise<void> {
    const { world, time } = this.#universe;
    const before = world.memory.domains.get(domain)?.provided;
    if (before) await world.store.provide(domain, { provided: undefined, before, now: time });
  }

  /** Point-in-time recovery: the table as it was; buckets, servers and executions as they are. */
  #restore(): void {
    if (!this.#backup) return;
    const { memory } = this.#universe.world;
    for (const part of Object.keys(emptyMemory()) as (keyof Memory)[]) {
      const [now, then] = [memory[part], structuredClone(this.#backup[part])];
      if (now instanceof Map) {
        now.clear();
        for (const [key, value] of then as Map<string, never>) (now as Map<string, unknown>).set(key, value);
      } else Object.assign(now, then);
    }
    this.isRestored = true;
  }
}
