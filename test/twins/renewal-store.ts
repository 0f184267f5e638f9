/** The renewal walk, in memory, under the same conditions as aws/renewal-items.ts. */
import type { RenewalStore, WalkPosition } from '../../core/ports/renewal-store.ts';
import { copy, type Memory } from './memory.ts';
import { change } from './owned.ts';

export function renewalStore({ domains }: Memory): RenewalStore {
  let position: WalkPosition | undefined;
  return {
    async domains(limit, after = '') {
      const key = (item: { dueAt?: number; domain: string }) =>
        `${String(item.dueAt).padStart(20, '0')} ${item.domain}`;
      const all = [...domains.values()]
        .filter(({ deletedAt, dueAt }) => dueAt !== undefined && deletedAt === undefined)
        .sort((a, b) => (key(a) < key(b) ? -1 : 1))
        .filter(item => key(item) > after);
      const page = all.slice(0, limit);
      return {
        domains: copy(page.map(({ domain, dueAt, current }) => ({ domain, dueAt: dueAt!, current }))),
        ...(all.length > limit && { after: key(page.at(-1)!) }),
      };
    },

    async recordAdvice({ domain, dueAt, current }, { dueAt: due, ...advice }) {
      const record = domains.get(domain);
      if (record?.current?.id !== current.id) return false;
      const { explanation: _, ...known } = record.current;
      const to = { current: { ...known, ...advice }, dueAt: due };
      return change(record, { to, when: { dueAt, owner: undefined, deletedAt: undefined } }) !== undefined;
    },

    async askRenewal(domain, now) {
      const record = domains.get(domain);
      if (!record?.spec) return;
      record.wanted += 1;
      if (record.current) record.current.askedAt ??= now;
      if (record.owner === undefined) record.dueAt = now;
    },

    async walkPosition() {
      return copy(position);
    },

    async recordWalk(next) {
      if (position && position.step >= next.step) return false;
      position = copy(next);
      return true;
    },
  };
}
