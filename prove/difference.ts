/** Where an answer differs from what was expected. */
import type { Json } from './redact.ts';

/**
 * @returns a line for each difference, for example `end: expected "SUCCEEDED", answered "FAILED"`
 */
export function differences({ expected, answered }: { expected: Json; answered: Json }, at = ''): string[] {
  if (isObject(expected) && isObject(answered)) {
    const names = [...new Set([...Object.keys(expected), ...Object.keys(answered)])];
    return names.flatMap(name =>
      differences(
        { expected: expected[name] ?? null, answered: answered[name] ?? null },
        at === '' ? name : `${at}.${name}`,
      ),
    );
  }
  if (JSON.stringify(expected) === JSON.stringify(answered)) return [];
  return [`${at === '' ? '' : `${at}: `}expected ${JSON.stringify(expected)}, answered ${JSON.stringify(answered)}`];
}

/**
 * Compares two ends of the same call: AWS's answer, and the answer of something that stands in for
 * AWS. A stand-in may leave members out. It may not answer an error for an output, another error, a
 * member that AWS does not have, or another type.
 */
export function shapeDifferences({ ofAws, ofOther }: { ofAws: Json; ofOther: Json }, at = ''): string[] {
  if (isObject(ofAws) && isObject(ofOther))
    return Object.entries(ofOther).flatMap(([name, member]) => {
      const here = at === '' ? name : `${at}.${name}`;
      if (!Object.hasOwn(ofAws, name)) return [`${here}: AWS has no such member`];
      return shapeDifferences({ ofAws: ofAws[name]!, ofOther: member }, here);
    });
  if (Array.isArray(ofAws) && Array.isArray(ofOther))
    return ofAws.length === 0 ? [] : ofOther.flatMap(one => leastDifferent(ofAws, one, `${at}[]`));
  return typeOf(ofAws) === typeOf(ofOther) ? [] : [`${at}: AWS answers ${typeOf(ofAws)}, the other ${typeOf(ofOther)}`];
}

/** The elements of a list may differ in their kind, as the events of a history do. */
function leastDifferent(ofAws: Json[], ofOther: Json, at: string): string[] {
  const all = ofAws.map(one => shapeDifferences({ ofAws: one, ofOther }, at));
  return all.reduce((least, found) => (found.length < least.length ? found : least));
}

function isObject(value: Json): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(value: Json): string {
  return value === null ? 'nothing' : Array.isArray(value) ? 'a list' : typeof value;
}
