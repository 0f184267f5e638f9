import { describe, expect, it } from 'vitest';
import { parseKind, USUAL } from '../../local/hosts/software.ts';

describe('the software of a test host, as it is typed', () => {
  it('is Debian 12 with Postfix, Dovecot and nginx by default', () => {
    expect(parseKind()).toEqual(USUAL);
  });

  it('may be Courier, which has a mail transport agent of its own', () => {
    expect(parseKind({ release: 'bookworm', software: 'courier,nginx' })).toEqual({
      release: 'bookworm',
      software: ['courier', 'nginx'],
    });
  });

  it.each([
    ['postfix,exim', /not postfix and exim: each is the mail transport agent/],
    ['postfix,courier,nginx', /not postfix and courier/],
    ['courier,dovecot', /courier and dovecot would both listen on ports 143/],
    ['nginx,apache', /port 443/],
    ['qmail', /no host runs qmail; there are: postfix, exim, dovecot, courier, nginx, apache/],
    ['', /no host runs nothing/],
  ])('is refused as %s, with the reason', (software, why) => {
    expect(() => parseKind({ release: 'trixie', software })).toThrow(why);
  });

  it('is refused on an unknown release', () => {
    expect(() => parseKind({ release: 'sid' })).toThrow(/no release sid here; there are: bookworm, trixie/);
  });
});
