/**
 * The chains that lead from a leaf to a trusted root (RFC 4158): a file may have several issuers of
 * one name, for example an expired one beside its successor, or one that two roots have signed.
 */
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, isValidAt } from './certificate.ts';

interface Among {
  certificates: X509Certificate[];
  roots: X509Certificate[];
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * Every chain of valid certificates, the leaf first and without a root, the best one first: the
 * chain that is valid longest, then the longest one, which serves clients that know an older root
 * only.
 */
export function validPaths(leaf: X509Certificate, { certificates, roots, now }: Among): X509Certificate[][] {
  const issuers = certificates.filter(one => one.ca && !isSelfIssued(one) && isValidAt(one, now));
  const isTrusted = (last: X509Certificate) =>
    roots.some(root => isIssuedBy(last, { issuer: root }) && isValidAt(root, now));
  const from = (path: X509Certificate[]): X509Certificate[][] => {
    const last = path.at(-1)!;
    const next = issuers.filter(
      one => !path.some(before => isSameCa(before, { as: one })) && isIssuedBy(last, { issuer: one }),
    );
    return [...next.flatMap(one => from([...path, one])), ...(isTrusted(last) ? [path] : [])];
  };
  const end = (path: X509Certificate[]) => Math.min(...path.map(one => one.validToDate.getTime()));
  return from([leaf]).sort((a, b) => end(b) - end(a) || b.length - a.length);
}

/** A chain as far as the certificates lead, for the message that says what it lacks. */
export function brokenPath(leaf: X509Certificate, { certificates, now }: Omit<Among, 'roots'>): X509Certificate[] {
  const path = [leaf];
  for (;;) {
    const issuers = certificates.filter(one => !path.includes(one) && isIssuedBy(path.at(-1)!, { issuer: one }));
    const next = issuers.find(one => isValidAt(one, now)) ?? issuers[0];
    if (!next || isSelfIssued(next)) return path;
    path.push(next);
  }
}

function isSelfIssued(certificate: X509Certificate): boolean {
  return isIssuedBy(certificate, { issuer: certificate });
}

function isSameCa(one: X509Certificate, { as }: { as: X509Certificate }): boolean {
  return one.subject === as.subject && one.publicKey.equals(as.publicKey);
}
