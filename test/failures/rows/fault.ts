/** What a CA, or the way to it, does to a request. test/core/acme/proxy.ts carries it out. */

/**
 * What happens to a request. An answer replaces the CA's; `edit` changes the text of the CA's own.
 * `lost`: the CA gets the request, and its
 * answer is dropped. `silent`: there is no answer. `refused`: the connection is closed.
 */
export type Fault =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | { edit(body: string): string }
  | 'lost'
  | 'silent'
  | 'refused';

/** A problem document (RFC 7807) as the answer to a request. */
export const problem = (type: string, detail: string, more = {}) => ({
  headers: { 'content-type': 'application/problem+json' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail, ...more },
});
