/** What a customer's zone may answer. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CaaProperty, Dns } from '../../core/dns/authoritative.ts';
import { checkCaa, lookUpCaa } from '../../core/dns/caa.ts';
import { mergeTxt, type TxtSet } from '../../core/dns/record-set.ts';
import { isSealpostError } from '../../core/errors.ts';
import { property, type Property } from './property.ts';

const CA = 'ca.example';
const ACCOUNT = 'https://ca.example/acct/1';
const blanks = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });

/** A value of RFC 8659 §4.2, and whether it lets our CA issue by dns-01 for our account. */
const grammatical = fc
  .record({
    issuer: fc.constantFrom('ca.example', 'CA.Example', 'other.example', ''),
    parameters: fc.array(
      fc.constantFrom(
        { text: `accounturi=${ACCOUNT}`, isGood: true },
        { text: 'accounturi=https://ca.example/acct/2', isGood: false },
        { text: 'validationmethods=dns-01', isGood: true },
        { text: 'validationmethods=http-01,dns-01', isGood: true },
        { text: 'ValidationMethods=http-01', isGood: false },
        { text: 'cansignhttpexchanges=yes', isGood: true },
      ),
      { maxLength: 3 },
    ),
    blank: blanks,
  })
  .map(({ issuer, parameters, blank }) => {
    const tags = parameters.map(({ text }) => text.split('=')[0]!.toLowerCase());
    // RFC 8657 §3, §4: two of one of these allow no CA.
    const isRepeated = tags.some((tag, at) => tag !== 'cansignhttpexchanges' && tags.indexOf(tag) !== at);
    return {
      value: [issuer, ...parameters.map(({ text }) => text.replace('=', `${blank}=${blank}`))].join(
        `${blank};${blank}`,
      ),
      allows: issuer.toLowerCase() === CA && !isRepeated && parameters.every(({ isGood }) => isGood),
    };
  });

/** A long value in which each pattern that goes back and tries again would be slow. */
const long = fc
  .tuple(
    fc.constantFrom(' ', '\t', ';', '=', 'a', '-', 'a-', ' ;', '\u202e', ';a ='),
    fc.constantFrom('', 'x', ';', '=', ' \0'),
  )
  .map(([part, end]) => part.repeat(Math.floor(65_000 / part.length)) + end);
const record = fc.record({
  flags: fc.constantFrom(0, 0, 0, 1, 128, 255),
  tag: fc.constantFrom('issue', 'issuewild', 'iodef', 'issuemail', 'future', '__proto__', ''),
  value: fc.oneof(
    grammatical.map(({ value }) => value),
    fc.string({ unit: 'binary' }),
    long,
  ),
});

const answering = (records: Record<string, CaaProperty[]>) => {
  const asked: string[] = [];
  const dns = {
    caa: (name: string) => {
      asked.push(name);
      return Promise.resolve(Object.hasOwn(records, name) ? records[name]! : []);
    },
  } as Pick<Dns, 'caa'> as Dns;
  return { dns, asked };
};
const issuing = { identities: [CA], accountUrl: () => Promise.resolve(ACCOUNT) };
const NAMES = ['example.com', '*.example.com'];

/** CPU seconds of a step that reads what a customer wrote. */
const STEP_SECONDS = 2;

async function forbidden(found: Awaited<ReturnType<typeof lookUpCaa>>): Promise<string | undefined> {
  try {
    await checkCaa(found, issuing);
    return undefined;
  } catch (error) {
    assert.ok(isSealpostError(error, 'CaaForbids'), String(error));
    assert.ok(Buffer.byteLength(error.message) <= 2_048);
    assert.doesNotMatch(error.message, /\p{C}/u);
    return error.message;
  }
}

const quotedString = fc.string({ unit: fc.constantFrom('a', '"', '\\', ' ', '-'), maxLength: 6 });
const valueOfOthers = quotedString.map(text => `"${text.replace(/["\\]/g, '\\$&')}"`);

export const dns: Property[] = [
  property('any CAA records allow or forbid, in time and with a short reason', {
    runs: 400,
    of: fc.array(record, { maxLength: 6 }),
    holds: async records => {
      const began = process.cpuUsage();
      const { dns, asked } = answering({ 'example.com': records });
      await forbidden(await lookUpCaa(dns, NAMES));
      const { user } = process.cpuUsage(began);
      assert.ok(user < STEP_SECONDS * 1e6, `${user / 1e6} s of CPU`);
      assert.equal(new Set(asked).size, asked.length, 'no name is asked for twice');
    },
  }),
  property('a CAA value of the grammar is read as RFC 8659 and RFC 8657 say', {
    runs: 1_500,
    of: fc.array(grammatical, { minLength: 1, maxLength: 4 }),
    holds: async values => {
      const records = values.map(({ value }) => ({ flags: 0, tag: 'issue', value }));
      const { dns } = answering({ 'example.com': records });
      const message = await forbidden(await lookUpCaa(dns, ['example.com']));
      assert.equal(
        message === undefined,
        values.some(({ allows }) => allows),
        message,
      );
    },
  }),
  property('a change of our TXT values keeps every value of others, as it was', {
    runs: 1_000,
    of: fc.tuple(
      fc.option(
        fc.record({
          ttl: fc.nat({ max: 86_400 }),
          values: fc.uniqueArray(valueOfOthers, { minLength: 1, maxLength: 5 }),
        }),
      ),
      fc.array(quotedString, { maxLength: 3 }),
      fc.array(quotedString, { maxLength: 3 }),
    ),
    holds: ([before, add, remove]) => {
      const change = mergeTxt((before as TxtSet | null) ?? undefined, { add, remove, ttl: 60 });
      const quoted = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`;
      const held = before?.values ?? [];
      const after = change.changed ? (change.after?.values ?? []) : held;
      for (const value of held) if (!remove.map(quoted).includes(value)) assert.ok(after.includes(value), value);
      for (const value of add) assert.ok(after.includes(quoted(value)), value);
      for (const value of after) assert.ok(held.includes(value) || add.map(quoted).includes(value), value);
      for (const value of remove) if (!add.includes(value)) assert.ok(!after.includes(quoted(value)), value);
      if (change.changed) assert.deepEqual(change.before, before ?? undefined);
    },
  }),
];
