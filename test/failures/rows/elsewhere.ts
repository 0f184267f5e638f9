/**
 * Failures that other tests walk on real parts. test/house/failures.test.ts checks that each of
 * these tests is there.
 */
import { NOTHING, OLD, type Line } from './line.ts';
import type { Row } from './row.ts';
import { people, server } from './servers-and-people.ts';

const road = 'core/secure-domain/road.test.ts';
const authoritative = 'core/dns/authoritative.test.ts';
const challengePlace = 'core/dns/challenge-place.test.ts';

const dns: Line[] = [
  [
    'One of three name servers lags',
    'Validate waits, then ParkDomain',
    'the order',
    OLD,
    'Domain Parked, DnsNotPropagated',
    'the next try',
    `${authoritative}: not while one server lags behind`,
  ],
  [
    'A name server answers SERVFAIL',
    'Validate waits, then ParkDomain',
    'the order',
    OLD,
    'Domain Parked, DnsNotPropagated',
    'the next try',
    `${authoritative}: not while one server refuses to answer`,
  ],
  [
    'The resolver is silent',
    'ClaimDomain, ParkDomain',
    'the wish',
    OLD,
    'Domain Parked, DnsNotPropagated',
    'the next try; no domain loses a try',
    `${authoritative}: a resolver that fails is an error to retry`,
  ],
  [
    'Another program has a TXT value at the same name',
    'goes on',
    'both values, then theirs alone',
    'the new certificate',
    NOTHING,
    'by itself',
    'core/dns/record-set.test.ts: values that are not ours stay as they are',
  ],
  [
    'The CNAMEs of the name go in a circle',
    'ClaimDomain, ParkDomain',
    'the wish',
    OLD,
    'Domain Parked, DnsNotPropagated',
    'the next try',
    `${authoritative}: CNAMEs in a circle are not followed for ever`,
  ],
  [
    'Two public zones of ours have the name',
    'goes on with the zone that the parent names',
    'the TXT value in that zone',
    'the new certificate',
    NOTHING,
    'by itself',
    `${challengePlace}: none is used while the parent delegates to both`,
  ],
  [
    'The zone has white-label name servers',
    'goes on: their addresses are compared',
    'the TXT value in the zone',
    'the new certificate',
    NOTHING,
    'by itself',
    `${challengePlace}: are the zone's own servers if they have the addresses of these`,
  ],
  [
    'The zone was deleted and made again',
    'goes on with the new zone',
    'the TXT value in the new zone',
    'the new certificate',
    NOTHING,
    'by itself',
    `${challengePlace}: and was created again since is replaced by the new one`,
  ],
  [
    'The challenge zone is gone',
    'PublishChallenges, ParkForPerson',
    'the wish',
    OLD,
    'a page, Unexpected, with the setting',
    'a person restores the zone',
    `${road}: is parked for a person if the challenge zone is gone`,
  ],
  [
    'A value cannot be retracted',
    'goes on',
    'the value on record',
    'the new certificate',
    NOTHING,
    'the next evaluation retracts it',
    'core/secure-domain/release-domain.test.ts: is not stopped by values that cannot be retracted',
  ],
  [
    'No TLSA record fits the new certificate of a server',
    'FinalizeOrder, ParkDomain',
    'the order and its key',
    OLD,
    'Domain Parked, TlsaMismatch',
    'once the record is there; a day before the end all the same',
    `${road}: keeps its certificate until a TLSA record fits the new one`,
  ],
  [
    'CAA names another CA',
    'ClaimDomain, ParkDomain',
    'the wish',
    OLD,
    'Domain Parked, CaaForbids, with the line',
    'the next try',
    'core/dns/caa.test.ts: a domain whose CAA names another CA is refused',
  ],
  [
    'The domain points elsewhere for a week',
    'ParkDomain retires the domain',
    'the certificate of before',
    `${OLD}, until it ends`,
    'Domain Retired',
    'any event about the domain',
    'core/secure-domain/retire-domain.test.ts: is retired at the seventh daily evaluation',
  ],
];

const ca: Line[] = [
  [
    'The CA hands the same order out again, whose key it has refused',
    'CreateOrder, FinalizeOrder with another key',
    'another key',
    'the new certificate',
    NOTHING,
    'by itself',
    `${road}: a key that the CA refused is not used again`,
  ],
  [
    'The order is already valid, by a try that was killed',
    'FinalizeOrder reads the order',
    'the same key',
    'the new certificate',
    NOTHING,
    'by itself',
    'core/acme/order.test.ts: by a try that takes itself for the first, of an order that is valid',
  ],
  [
    'The chain leads to no trusted root',
    'FinalizeOrder, ParkDomain',
    'the certificate of before',
    OLD,
    'Domain Parked, CertificateUnusable',
    'the next try',
    `${road}: whose chain leads to no trusted root stores nothing`,
  ],
  [
    'The first issuer is in trouble',
    'ParkDomain, then the next issuer at once',
    'the trouble, with the issuer',
    'the certificate of the next issuer',
    'Issuer In Trouble',
    'after 1, 10, then 60 minutes',
    'core/issuer/choose-issuer.test.ts: is asked again after 1, 10, then 60 minutes',
  ],
];

const aws: Line[] = [
  [
    'An error that no state names',
    'ParkForPerson',
    'the reason',
    OLD,
    'a page with the error',
    'a person; the sweep tries again',
    'lib/pages.test.ts: an execution that fails as nobody foresaw pages a person',
  ],
  [
    "SSM's event about an ended command is lost",
    'the sweep asks for the command',
    'the delivery under way',
    OLD,
    NOTHING,
    '90 seconds later at the latest',
    'core/sweep/sweep.test.ts: resumes a delivery whose command ended without an event',
  ],
  [
    'A right that a deploy has just given is not known everywhere yet',
    'the state is retried (AccessDenied, Lambda.AccessDeniedException)',
    'what its calls before wrote',
    OLD,
    NOTHING,
    'by itself, within half a minute',
    'statemachines/secure-domain.test.ts: of %s after %s waits %j s',
  ],
  [
    'The execution that records a delivery is stopped, and its server is registered again',
    'the work, which is deleted last, is delivered once more',
    'what is installed, and the work',
    'the new certificate',
    'a page: the execution was stopped',
    'with the next delivery; no old key stays',
    'failures/stopped-late.test.ts: a renewal whose record is stopped',
  ],
  [
    'Step Functions is busy during a sweep',
    'the sweep ends',
    'what is due stays due',
    OLD,
    NOTHING,
    'the next minute',
    'core/sweep/sweep.test.ts: pages no person if Step Functions is busy',
  ],
  [
    'An execution comes near the end of its history',
    'ReleaseServer hands over after 50 rounds',
    'the work',
    OLD,
    NOTHING,
    'another execution, at once',
    'core/deliver-to-server/release-server.test.ts: after 50 rounds, and is due at once',
  ],
  [
    'The bus does not take an event',
    'the state is retried, and writes after that',
    'the reason for the event',
    OLD,
    'the event, later',
    'by itself',
    'core/secure-domain/release-domain.test.ts: publishes and wakes everything in the retry if the bus failed',
  ],
  [
    'S3 has lost a key',
    'RecordRefused for that domain alone',
    'the work, with its reason',
    OLD,
    'the reason in status',
    'another order',
    'core/deliver-to-server/assemble-delivery.test.ts: without a certificate that cannot be read',
  ],
];

export const rows: Row[] = Object.entries({
  CA: ca,
  DNS: dns,
  AWS: aws,
  'Mail server': server,
  People: people,
}).flatMap(([where, lines]) =>
  lines.map(([what, road, stored, served, seen, ends, test]): Row => {
    const [, file, name] = /^(\S+): (.*)$/.exec(test)!;
    const place = { file: `test/${file}`, name: name! };
    return { where: where as Row['where'], what, road, stored, served, seen, ends, test: place };
  }),
);
