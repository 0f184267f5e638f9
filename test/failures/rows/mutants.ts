/**
 * Mutations: each takes back what keeps a certificate from ending unsaid, and a test that is named
 * fails of it. `npm run mutants` walks them all.
 */

export interface Mutant {
  /** What the product does not do any more. */
  what: string;
  file: string;
  /** A text that the file has once, and what takes its place. */
  from: string;
  to: string;
  /** The file of the test that fails, and a part of its name. */
  test: { file: string; name: string };
}

export const mutants: Mutant[] = [
  {
    what: 'No slot is reserved for an order whose `replaces` the CA refuses',
    file: 'core/secure-domain/create-order.ts',
    from: 'beforeCounted: reserve,',
    to: 'beforeCounted: async () => {},',
    test: {
      file: 'test/core/secure-domain/counted-orders.test.ts',
      name: 'are counted if the CA refuses `replaces` as',
    },
  },
  {
    what: 'No slot is reserved at all',
    file: 'core/issuer/budget.ts',
    from: '    if (!issuer.limits[per]) continue;',
    to: '    if (issuer.limits[per] || !issuer.limits[per]) continue;',
    test: { file: 'test/core/issuer/budget.test.ts', name: 'are never reached, however many orders come at once' },
  },
  {
    what: 'A server that is registered again does not get its own certificate again',
    file: 'core/secure-domain/fresh.ts',
    from: '(await store.readServer(server))?.hostSecuredAt === undefined',
    to: 'false',
    test: { file: 'test/core/register-server/registered-again.test.ts', name: '' },
  },
  {
    what: 'One refused server keeps the renewal from the others',
    file: 'core/secure-domain/placement.ts',
    from: 'if (leftOut && !(isServed && (usable.length > 0 || isForAcm))) throw leftOut;',
    to: 'if (leftOut) throw leftOut;',
    test: { file: 'test/core/secure-domain/left-out.test.ts', name: 'a renewal that is due goes to the others' },
  },
  {
    what: 'An order that comes back has its old key',
    file: 'core/secure-domain/ordered.ts',
    from: 'recordedAt === undefined ? orderUrl :',
    to: 'recordedAt !== 0 ? orderUrl :',
    test: { file: 'test/core/secure-domain/road.test.ts', name: 'a key that the CA refused is not used again' },
  },
  {
    what: 'A retired domain is due never again',
    file: 'core/secure-domain/retire-domain.ts',
    from: 'const dueAt = next.length > 0 ? Math.min(...next) : undefined;',
    to: 'const dueAt = next.length > 1_000 ? 0 : undefined;',
    test: {
      file: 'test/core/secure-domain/retire-domain.test.ts',
      name: 'is evaluated once more before its certificate expires',
    },
  },
  {
    what: 'A write whose answer was lost counts as lost',
    file: 'aws/change.ts',
    from: '  return (\n    Object.entries(to).every(is) &&',
    to: '  return (\n    to === when &&\n    Object.entries(to).every(is) &&',
    test: { file: 'test/aws/lost-answers.test.ts', name: 'leaves what one write leaves' },
  },
  {
    what: 'Tries that are asked for have no brake',
    file: 'core/record/brake.ts',
    from: '  const isOwn = parked !== undefined && parked.nextTry <= now;',
    to: '  const isOwn = parked === parked;',
    test: { file: 'test/core/secure-domain/asked-tries.test.ts', name: 'a panel that says the same wish every minute' },
  },
  {
    what: 'A server that returns keeps what has left it',
    file: 'core/register-server/give-again.ts',
    from: "else return [{ domain, certificate: 'REMOVE' }];",
    to: 'else return [];',
    test: { file: 'test/core/register-server/retire-server.test.ts', name: 'if the domain was deleted and forgotten' },
  },
  {
    what: 'The key of a forgotten order stays',
    file: 'aws/claim-items.ts',
    from: 'const joins = keyed && certificate !== undefined;',
    to: 'const joins = keyed && certificate === domain;',
    test: {
      file: 'test/aws/store.test.ts',
      name: 'leaves the id of its certificate in `superseded` if a key was stored',
    },
  },
  {
    what: 'The token of a delivery is never due',
    file: 'core/ports/lease.ts',
    from: 'export const COMMAND_DUE_AFTER_MS = 30_000;',
    to: 'export const COMMAND_DUE_AFTER_MS = 30_000_000_000;',
    test: { file: 'test/core/sweep/sweep.test.ts', name: 'resumes a delivery whose event was lost within 90 seconds' },
  },
  {
    what: 'A server that stays away pages nobody',
    file: 'core/deliver-to-server/release-server.ts',
    from: 'const isPage = failures >= FAILURES_TO_PAGE && !isKnown;',
    to: 'const isPage = failures === 1_000 && !isKnown;',
    test: { file: 'test/core/deliver-to-server/release-server.test.ts', name: 'is reported to a person once' },
  },
  {
    what: 'A certificate whose key is gone is not ordered anew',
    file: 'core/deliver-to-server/assemble-delivery.ts',
    from: 'await store.askRenewal(domain, clock.now());',
    to: 'await store.askReEvaluation(domain, clock.now());',
    test: {
      file: 'test/core/deliver-to-server/assemble-delivery.test.ts',
      name: 'is ordered anew, and its work waits',
    },
  },
  {
    what: 'Work ends before what follows from it',
    file: 'core/deliver-to-server/record-delivery.ts',
    from: '    await store.recordInstalled(server, { domain, v }, seen(lines, clock.now(), node));\n',
    to: '    await store.recordInstalled(server, { domain, v }, seen(lines, clock.now(), node));\n    await store.endWork(server, { domain, v });\n',
    test: { file: 'test/failures/stopped-late.test.ts', name: 'leaves no old key' },
  },
  {
    what: 'The last guard believes a parked domain to be looked after',
    file: 'core/guard/last-guard.ts',
    from: '  if (!record || servers.length === 0) return [];',
    to: '  if (!record || servers.length === 0 || record.parked) return [];',
    test: { file: 'test/core/guard/last-guard.test.ts', name: 'the page comes, and has the reason' },
  },
  {
    what: 'A claim ends although a reason to work came meanwhile',
    file: 'aws/claim-items.ts',
    from: 'to: { ...ended, dueAt, parked: undefined, retired: undefined },\n        when: { wanted: seen },',
    to: 'to: { ...ended, dueAt, parked: undefined, retired: undefined },\n        when: {},',
    test: { file: 'test/aws/store.test.ts', name: 'leaves the claim with its owner, whose release finds' },
  },
];
