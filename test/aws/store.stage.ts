/**
 * What the suites of the store share: names, times, a certificate, and the steps to a first state.
 */
import type { StoredCertificate, Wish } from '../../core/record/domain.ts';
import { LEASE_MS } from '../../core/ports/lease.ts';
import type { Store } from '../../core/ports/store.ts';

export const minute = 60_000;
export const now = 1_800_000_000_000;
export const afterLease = now + LEASE_MS + 1;
export const domain = 'example.com';
export const [mx1, mx2] = ['mx1.provider.example', 'mx2.provider.example'];
export const wish = (more: Partial<Wish> = {}): Wish => ({ domain, mailServers: [mx1], policy: 'wildcard', ...more });

/** A wish for no server. */
export const deletion = (): Wish => ({ domain, mailServers: [], policy: 'wildcard', deleted: true });

export const certificate = (more: Partial<StoredCertificate> = {}): StoredCertificate => ({
  id: 'c'.repeat(64),
  names: [domain, `*.${domain}`],
  notBefore: now - minute,
  notAfter: now + 90 * 86_400_000,
  fingerprint: 'f'.repeat(64),
  issuer: 'ca',
  issuedBy: 'Test CA',
  renewAt: now + 60 * 86_400_000,
  ...more,
});

/** @param store gives the store of the running test */
export function stage(store: () => Store) {
  const register = async (...servers: string[]) => {
    for (const server of servers)
      await store().registerServer(
        { server, node: 'mi-0123456789abcdef0', roleId: 'AROAEXAMPLE', adopt: true },
        { at: now, now },
      );
  };
  return {
    register,
    async claimed(me = 'first', more: Partial<Wish> = {}) {
      await store().acceptWish(wish(more), { at: now }, now);
      return (await store().claimDomain({ domain, me, now }))!;
    },
    commit: (more: Partial<Parameters<Store['commitCertificate']>[0]> = {}) =>
      store().commitCertificate({
        ...{ domain, me: 'first', seen: 1, certificate: certificate(), servers: [mx1], now },
        ...more,
      }),
    /** A registered server that an execution has claimed. @returns the execution's name */
    async woken(at = now) {
      await register(mx1);
      return (await store().wakeServer(mx1, at))!;
    },
    async worked(v = now) {
      await register(mx1);
      await store().commitWork({ domain, certificate: certificate(), servers: [mx1], now: v });
    },
  };
}
