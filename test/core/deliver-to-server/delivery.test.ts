import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DELIVERY_LIFETIME_SECONDS, writeDelivery } from '../../../core/deliver-to-server/delivery.ts';
import type { Delivery } from '../../../core/record/delivery.ts';

const pem = (label: string) => `-----BEGIN ${label}-----\r\nAAAA\r\n-----END ${label}-----\r\n\r\n`;
const now = 1_800_000_000_999;
const delivery: Delivery = {
  ...{ server: 'mx1.provider.example', seq: 7, mode: 'install', roots: pem('CERTIFICATE') },
  entries: [
    {
      ...{ domain: 'example.com', v: 3 },
      install: {
        life: { notBefore: 1, notAfter: 2 },
        ...{ certificate: 'c'.repeat(64), fingerprint: 'f'.repeat(64), names: ['example.com', '*.example.com'] },
        ...{
          probe: { mail: 'mail.example.com', webmail: 'webmail.example.com' },
          pem: pem('PRIVATE KEY') + pem('CERTIFICATE'),
        },
      },
    },
    { domain: 'old.example', v: 4 },
    {
      ...{ domain: 'mx1.provider.example', v: 5, host: true },
      install: {
        life: { notBefore: 1, notAfter: 2 },
        ...{ certificate: 'b'.repeat(64), fingerprint: 'e'.repeat(64), names: ['mx1.provider.example'] },
        ...{ probe: { mail: 'mx1.provider.example' }, pem: pem('PRIVATE KEY') },
      },
    },
  ],
};

describe('a delivery', () => {
  test('is the text that the installer reads', () => {
    expect(writeDelivery(delivery, now).text).toBe(`sealpost-delivery 1
server mx1.provider.example
seq 7
issued-at 1800000000
not-after ${1_800_000_000 + DELIVERY_LIFETIME_SECONDS}
mode install
adopt no
entries 3
roots
-----BEGIN CERTIFICATE-----
AAAA
-----END CERTIFICATE-----
entry 1 install example.com 3 ${'c'.repeat(64)} ${'f'.repeat(64)} domain
names example.com *.example.com
probe mail.example.com webmail.example.com
-----BEGIN PRIVATE KEY-----
AAAA
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
AAAA
-----END CERTIFICATE-----
entry 2 remove old.example 4 - - domain
entry 3 install mx1.provider.example 5 ${'b'.repeat(64)} ${'e'.repeat(64)} host
names mx1.provider.example
probe mx1.provider.example -
-----BEGIN PRIVATE KEY-----
AAAA
-----END PRIVATE KEY-----
end
`);
  });

  test('is named by its sha256', () => {
    const { text, hash } = writeDelivery(delivery, now);
    expect(hash).toBe(createHash('sha256').update(text).digest('hex'));
    expect(writeDelivery({ ...delivery, seq: 8 }, now).hash).not.toBe(hash);
  });

  test.each([
    [true, 'yes'],
    [false, 'no'],
    ['with-losses' as const, 'with-losses'],
  ])('that inspects with the consent %s says adopt %s, and has no entries', (adopt, word) => {
    const { text } = writeDelivery({ ...delivery, mode: 'inspect', adopt, roots: '', entries: [] }, now);
    expect(text.split('\n').slice(5)).toEqual(['mode inspect', `adopt ${word}`, 'entries 0', 'roots', 'end', '']);
  });
});
