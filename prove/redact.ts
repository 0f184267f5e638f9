/**
 * Takes out of an answer what must not be published: account ids, keys, tokens, addresses, and the
 * names of the person's stack, zone and servers. What is left is the same for every account, so
 * that two answers can be compared.
 */

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Members whose text is a secret, or may have one in it, whatever the text looks like. */
const WITHHELD = new RegExp(
  'token|secret|password|credential|private.?key|hmac' +
    '|^(input|output|parameters|payload|body|cause|resource|variables|comment)$' +
    '|^(computername|instancename|iamrole|sourceid|activationid)$',
  'i',
);

/** In this order: a pattern may match a part of what a pattern above it has replaced. */
const PATTERNS: [RegExp, string][] = [
  [/-----BEGIN [^-]+-----[\s\S]*?(-----END [^-]+-----|$)/g, '<pem>'],
  [/\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>\\]+/gi, '<url>'],
  [/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '<mail address>'],
  [/\b(AKIA|ASIA)[A-Z0-9]{12,}\b/g, '<key id>'],
  [/\bA(ROA|IDA|GPA|NPA|NVA|PKA|BIA|CCA|SCA)[A-Z0-9]{12,}\b/g, '<unique id>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, '<uuid>'],
  [/\bm?i-[0-9a-f]{8,17}\b/g, '<node>'],
  [/\b\d{1,3}(\.\d{1,3}){3}\b/g, '<address>'],
  [/\b([0-9a-f]{1,4}:){2,7}(:?[0-9a-f]{1,4})?(:[0-9a-f]{1,4})*\b/gi, '<address>'],
  [/\bZ[A-Z0-9]{9,32}\b/g, '<zone id>'],
  [/\bC[A-Z0-9]{10,32}\b/g, '<change id>'],
  [/(?<=:role\/)[\w+=,.@/<>-]+/g, '<role>'],
  [/\b[0-9a-f]{32,}\b/gi, '<hash>'],
  [/(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{40,}={0,2}/g, '<opaque>'],
  [/(?<!\d)\d{12}(?!\d)/g, '<account>'],
];
/** Milliseconds and seconds since the epoch, from 2001 to 2286. */
const isMoment = (value: number) =>
  Number.isInteger(value) && ((value > 1e12 && value < 1e13) || (value > 1e9 && value < 1e10));

/**
 * @param known what is this person's own, and the word that takes its place, for example `mx1.…`
 *   and `server`
 */
export function redact(value: unknown, known: Record<string, string> = {}): Json {
  const names = Object.entries(known).sort(([a], [b]) => b.length - a.length);
  const inText = (text: string): string => {
    const own = names.reduce((rest, [name, word]) => (name === '' ? rest : rest.replaceAll(name, `<${word}>`)), text);
    return PATTERNS.reduce((rest, [pattern, word]) => rest.replace(pattern, word), own);
  };
  const of = (one: unknown): Json => {
    if (typeof one === 'string') return inText(one);
    if (typeof one === 'number') return isMoment(one) ? '<time>' : String(one).length === 12 ? '<account>' : one;
    if (one === null || one === undefined || typeof one === 'boolean') return one ?? null;
    if (one instanceof Date) return '<time>';
    if (one instanceof Uint8Array) return '<bytes>';
    if (Array.isArray(one)) return one.map(of);
    if (typeof one !== 'object') return '<not JSON>';
    const members = Object.entries(one).filter(([, member]) => member !== undefined);
    return Object.fromEntries(
      members.map(([name, member]) => [inText(name), WITHHELD.test(name) ? withheld(member) : of(member)]),
    );
  };
  return of(value);
}

/** Whether a value is there stays to be seen. */
function withheld(member: unknown): Json {
  return member === null || typeof member === 'boolean' ? member : '<withheld>';
}
