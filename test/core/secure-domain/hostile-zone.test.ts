/** A customer's zone that wants us busy: what one domain may cost a step, whatever it says. */
import { beforeEach, describe, expect, test } from 'vitest';
import { challengeTarget } from '../../../core/dns/challenge-place.ts';
import type { Dns } from '../../../core/dns/authoritative.ts';
import { claimDomain, type ClaimPorts } from '../../../core/secure-domain/claim-domain.ts';
import { validate } from '../../../core/secure-domain/validate.ts';
import { anIssuer, challengeZone, created, domain, mx1, newWorld, register, type World } from '../world.ts';

const MOST = 60;
const LONGEST_MESSAGE = 2_000;
const asked = `_acme-challenge.${domain}`;
const target = challengeTarget(domain, challengeZone);

let world: World;
let questions: string[];
beforeEach(async () => {
  world = newWorld();
  await register(world, mx1);
  questions = [];
});

type Zone = (name: string, type: string, servers?: string[]) => string[];
const count = (n: number, name: (i: number) => string) => Array.from({ length: n }, (_, i) => name(i));
/** Two labels are a zone of four name servers with one address each. */
const ordinary: Zone = (name, type) => {
  if (type === 'NS') return name.split('.').length === 2 ? count(4, i => `ns${i}.${name}`) : [];
  return type === 'A' ? [`192.0.2.${name.charCodeAt(2)}`] : [];
};

/** By what the zone does. */
const zones: Record<string, Zone> = {
  'has 400 name servers with 50 addresses each': (name, type) => {
    if (type === 'NS') return name === domain ? count(400, i => `ns${i}.evil.test`) : [];
    return type === 'A' ? count(50, i => `198.51.${name.length}.${i}`) : [];
  },
  'has a CNAME that leads to another zone at each question': (name, type, servers) => {
    if (type === 'CNAME' && servers) return [`a.zone${questions.length}.test`];
    return ordinary(name, type);
  },
  'has a chain of nine CNAMEs, each in a zone of 13 name servers': (name, type) => {
    const [, step] = /^(?:\w+\.)?step(\d)\./.exec(name) ?? [, '0'];
    if (type === 'NS' && (name === domain || /^step\d\.test$/.test(name))) return count(13, i => `ns${i}.evil.test`);
    if (type === 'A') return count(4, i => `198.51.100.${i}`);
    if (type !== 'CNAME' || name === domain || /^step\d\.test$/.test(name)) return [];
    return [step === '9' ? target : `c.step${Number(step) + 1}.test`];
  },
  'has a zone cut at each of 60 labels': (_, type) =>
    type === 'NS' ? ['ns1.evil.test'] : type === 'CNAME' ? [`${'a.'.repeat(60)}evil.test`] : ['198.51.100.1'],
  'delegates as it should, by name servers that each take four seconds': (name, type, servers) => {
    world.time += 4_000;
    if (type === 'CNAME' && name === asked && servers) return [target];
    return ordinary(name, type);
  },
};

const dnsOf = (zone: Zone): Dns => {
  const answer = (name: string, type: string, servers?: string[]) => {
    questions.push(`${type} ${name}`);
    return zone(name, type, servers);
  };
  return {
    resolve: async (name, type, servers) => answer(name, type, servers),
    caa: async name => answer(name, 'CAA').slice(0, 0) as never,
    tlsa: async name => answer(name, 'TLSA').slice(0, 0) as never,
  };
};

const claiming = (zone: Zone) => {
  const event = { ...created(), execution: 'first' };
  world.time = Date.parse(event.time);
  const ports = { ...world, dns: dnsOf(zone), challengeZone, issuers: [anIssuer({})], directoryOf: async () => ({}) };
  return claimDomain(event, ports as ClaimPorts);
};
const validating = (zone: Zone) => {
  const challenges = [{ status: 'pending', recordName: asked, value: 'v' }];
  const input = { domain, execution: 'first', seen: 1, order: { challenges }, until: '' };
  const store = { renewDomain: async () => ({}) };
  const ports = { store, acme: {}, dns: dnsOf(zone), clock: world.clock };
  return validate(input as never, ports as never);
};

describe.each(Object.entries(zones))('a domain whose zone %s', (_, zone) => {
  test.each([
    ['ClaimDomain', claiming],
    ['Validate', validating],
  ])('costs %s sixty questions at most, and half a minute', async (_, step) => {
    const begun = (world.time = Date.parse(created().time));
    const error = await step(zone).catch((error: Error) => error);
    expect(questions.length).toBeLessThanOrEqual(MOST);
    expect(world.time - begun).toBeLessThanOrEqual(40_000);
    if (!(error instanceof Error)) return;
    expect(error.name).toMatch(/^(DnsNotPropagated|DomainNotManaged)$/);
    expect(error.message.length).toBeLessThan(LONGEST_MESSAGE);
  });
});

test('an ordinary domain behind one CNAME costs ClaimDomain less than half of that', async () => {
  const zone: Zone = (name, type) => (type === 'CNAME' && name === asked ? [target] : ordinary(name, type));
  expect(await claiming(zone)).toMatchObject({ places: [{ recordName: target, delegated: true }] });
  expect(questions.length).toBeLessThan(MOST / 2);
});
