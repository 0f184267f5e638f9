/**
 * What Pebble answers when a client asks about a certificate (RFC 9773). Its management interface
 * accepts any text.
 */
import { request } from 'node:https';
import type { Ca } from './pebble.ts';

/**
 * @param leafPem the certificate; the first of a chain is taken
 * @param answer as text, so that a test can send a malformed one
 */
export function setRenewalInfo(
  { managementUrl, tlsRoot }: Pick<Ca, 'managementUrl' | 'tlsRoot'>,
  { leafPem, answer }: { leafPem: string; answer: string },
): Promise<void> {
  const [leaf] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(leafPem)!;
  const options = { method: 'POST', ca: tlsRoot, agent: false, headers: { 'User-Agent': 'sealpost-local' } };
  return new Promise((resolve, reject) => {
    const sent = request(`${managementUrl}/set-renewal-info/`, options, response => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`Pebble did not take the renewal information: HTTP ${response.statusCode}`));
    });
    sent.on('error', reject).end(JSON.stringify({ Certificate: leaf, ARIResponse: answer }));
  });
}

/** The window is over. A CA answers so when it is about to revoke the certificate. */
export function pastWindow(now: number, explanationURL = 'https://ca.test/incident'): string {
  const [start, end] = [now - 7_200_000, now - 3_600_000].map(at => new Date(at).toISOString());
  return JSON.stringify({ suggestedWindow: { start, end }, explanationURL });
}
