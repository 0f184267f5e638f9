/** Names as senders, people and certificates write them. */
import assert from 'node:assert/strict';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import fc from 'fast-check';
import { coversName, parseDomain, parseHostName, planNames, showDomain } from '../../core/certificate/names.ts';
import { isSealpostError } from '../../core/errors.ts';
import { property, type Property } from './property.ts';

/** What a name is made of: letters of scripts, marks, four kinds of dots, odd characters. */
const letters = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abcxn019-') },
  { weight: 2, arbitrary: fc.constantFrom(...'ÄßıİſKσς日本ⅷﷺㅤ') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\u0301', '\u200d', '\u00ad', '\u202e', '\u3002', '\uff0e', '\uff61', '.', '*', '_'),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
);
const label = fc.oneof(
  fc.array(letters, { minLength: 1, maxLength: 12 }).map(parts => parts.join('')),
  fc
    .string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-'), maxLength: 20 })
    .map(rest => `xn--${rest}`),
  fc.nat({ max: 70 }).map(length => 'l'.repeat(length)),
);
const suffix = fc.constantFrom('example', 'com', 'co.uk', 'test', 'ck', 'www.ck', 'xn--p1ai', 'рф', 'github.io', '');
const typed = fc
  .tuple(fc.array(label, { maxLength: 6 }), suffix, fc.constantFrom('', '', '', '.', '。'))
  .map(([labels, end, dot]) => [...labels, ...(end ? [end] : [])].join('.') + dot);
const anyName = fc.oneof({ weight: 4, arbitrary: typed }, { weight: 1, arbitrary: fc.string({ unit: 'binary' }) });

/** A name that is safe in a file name, a shell word and a line of a daemon's configuration. */
export const safeName = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/;
const plainLabel = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const domain = fc.tuple(plainLabel, fc.constantFrom('example', 'test.example')).map(parts => parts.join('.'));

/** @returns what was read; undefined if the sender is told why the text is no name */
function read(text: string, as: typeof parseDomain): string | undefined {
  try {
    return as(text, { field: 'detail.domain' });
  } catch (error) {
    assert.ok(isSealpostError(error, 'InvalidStepInput'), String(error));
    assert.match(error.message, /^detail\.domain .*: give .*\.$/s);
    assert.doesNotMatch(error.message, /\p{C}/u);
    return undefined;
  }
}

export const names: Property[] = [
  property('a text is a name that is safe everywhere, or is refused with the field and the remedy', {
    runs: 4_000,
    of: anyName,
    holds: text => {
      for (const as of [parseDomain, parseHostName]) {
        const name = read(text, as);
        if (name === undefined) continue;
        assert.match(name, safeName);
        assert.ok(name.length <= 237 && name.split('.').every(each => each.length <= 63), name);
        assert.equal(read(name, as), name, 'the name that was read is read as itself');
        assert.equal(read(showDomain(name).split(' ')[0]!, as), name, 'the name that is shown is the same');
      }
    },
  }),
  property('the planned names are the domain or one below it, each once', {
    runs: 1_000,
    of: fc.tuple(domain, fc.array(fc.oneof(fc.constant('@'), plainLabel, label), { maxLength: 30 })),
    holds: ([of, labels]) => {
      let planned: string[];
      try {
        planned = planNames({ domain: of, policy: 'list', names: labels });
      } catch (error) {
        assert.ok(isSealpostError(error, 'InvalidStepInput'), String(error));
        return;
      }
      assert.equal(new Set(planned).size, planned.length);
      for (const name of planned) assert.ok(name === of || name.endsWith(`.${of}`), name);
    },
  }),
  property('a certificate covers the names for which a TLS client takes it', {
    runs: 2_000,
    of: fc.tuple(
      fc.array(
        fc.tuple(fc.constantFrom('', '*.', 'a.', '*.a.'), domain).map(parts => parts.join('')),
        { minLength: 1, maxLength: 4 },
      ),
      fc.tuple(fc.constantFrom('', 'a.', 'b.a.', 'b.'), domain).map(parts => parts.join('')),
    ),
    holds: ([held, name]) => {
      const certificate = { subject: {}, subjectaltname: held.map(one => `DNS:${one}`).join(', ') } as PeerCertificate;
      assert.equal(coversName(held, name), checkServerIdentity(name, certificate) === undefined);
    },
  }),
];
