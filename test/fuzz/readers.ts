/** The delivery as the installer for Windows reads it, beside the one for Linux. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { writeDelivery } from '../../core/deliver-to-server/delivery.ts';
import { load, Raised } from '../install/powershell-run.ts';
import { deliveries, isWhole, meant, mutated, mutations, NOW, readBySh, type Read } from './delivery.ts';
import { property, type Property } from './property.ts';

const PART = join(import.meta.dirname, '../../install/windows/delivery.ps1');
const call = load(readFileSync(PART, 'utf8'), {
  'Stop-Installer': (_code, why) => {
    throw new Raised(String(why));
  },
  'ConvertTo-Certificate': bytes => bytes,
});

interface Block {
  label: string;
  bytes: Buffer;
}
const plain = (object: unknown) => Object.fromEntries(object as Map<string, unknown>);
const pem = ({ label, bytes }: Block) =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END ${label}-----\n`;

/** @returns undefined if the reader refused the text */
export function readByPs(text: string): Read | undefined {
  let found: Record<string, unknown>;
  try {
    found = plain(call('Read-Delivery', text));
  } catch (error) {
    if (error instanceof Raised) return undefined;
    throw error;
  }
  const { server, seq, issuedat, notafter, mode, entries, rows, roots } = found as Record<string, unknown[]>;
  return {
    head: [server, seq, issuedat, notafter, mode].map(String),
    entries: entries!.map(one => {
      const { verb, place, kind, certificate, leaf, mail, web, names, blocks } = plain(one) as Record<string, never>;
      const { items } = blocks as { items: Map<string, unknown>[] };
      return {
        verb,
        place,
        kind,
        certificate,
        leaf,
        mail,
        web,
        names,
        pem: items.map(block => pem(plain(block) as never)).join(''),
      };
    }),
    rows: rows!.map(one => {
      const { place, leaf, mail, web } = plain(one) as Record<string, string>;
      return [place, leaf, mail, web].join(' ');
    }),
    roots: (roots as Buffer[]).map(bytes => pem({ label: 'CERTIFICATE', bytes })).join(''),
  };
}

/** The head without the consent: Windows knows only whether there is one. */
const compared = ({ head, ...rest }: Read) => ({ head: head.slice(0, 5), ...rest });

export const readers: Property[] = [
  property('a delivery that was written is read the same on Windows', {
    runs: 100,
    of: deliveries,
    holds: given => {
      const read = readByPs(writeDelivery(given, NOW).text);
      assert.deepEqual(read, compared(meant(given)));
    },
  }),
  property('a delivery that was changed is refused on Windows, or is whole and safe', {
    runs: 400,
    of: fc.tuple(deliveries, mutations),
    holds: ([given, by]) => {
      const text = mutated(writeDelivery(given, NOW).text, by);
      const read = readByPs(text);
      if (read) isWhole(read, text);
    },
  }),
  property('what both readers take of a changed delivery is the same', {
    runs: 80,
    of: fc.tuple(deliveries, mutations),
    holds: ([given, by]) => {
      const text = mutated(writeDelivery(given, NOW).text, by);
      const [linux, windows] = [readBySh(text), readByPs(text)];
      if (linux && windows) assert.deepEqual(windows, compared(linux));
    },
  }),
];
