/**
 * `sealpost doctor` without an option: what a deployment needs around it, each with its remedy.
 * `npm run prove` asks AWS itself (docs/first-account.md).
 */
import { get } from 'node:https';
import { rootCertificates } from 'node:tls';
import * as z from 'zod/mini';
import type { Answer, Directory, Surroundings } from './here.ts';
import { report, trouble } from './report.ts';

const directory: z.ZodMiniType<Directory> = z.object({
  newOrder: z.url(),
  meta: z.optional(
    z.object({ termsOfService: z.optional(z.string()), externalAccountRequired: z.optional(z.boolean()) }),
  ),
});

interface Finding {
  what: string;
  found: string;
  /** Absent if all is well. */
  remedy?: string;
}

export async function examine(around: Surroundings, now: number): Promise<Answer> {
  const findings = [
    await zone(around),
    ...(await Promise.all(around.issuers.map(one => issuer(one, around)))),
    ...servers(around, now),
  ];
  const lines = findings.map(({ what, found, remedy }) => {
    const said = `${remedy === undefined ? 'ok   ' : 'WRONG'} ${what}: ${found}`;
    return remedy === undefined ? said : `${said}\n      → ${remedy}`;
  });
  return { text: lines.join('\n'), data: { findings }, isWell: findings.every(({ remedy }) => remedy === undefined) };
}

async function zone({ challengeZone, dns }: Surroundings): Promise<Finding> {
  const what = `challenge zone ${challengeZone}`;
  try {
    const servers = await dns.resolve(challengeZone, 'NS');
    if (servers.length > 0) return { what, found: `is delegated to ${servers.toSorted().join(', ')}` };
    return {
      ...{ what, found: 'has no name servers in the public DNS' },
      remedy: 'Put an NS record with the name servers of the hosted zone into its parent zone.',
    };
  } catch (error) {
    const remedy = 'Look at the setting Resolvers, and at the way from here to them.';
    return { what, found: `the resolvers did not answer (${(error as Error).message})`, remedy };
  }
}

async function issuer(of: Surroundings['issuers'][number], around: Surroundings): Promise<Finding> {
  const { name, directoryUrl, staging, externalAccountParameter } = of;
  const what = `issuer ${name}`;
  try {
    const { meta = {} } = await around.directory(directoryUrl);
    if (meta.externalAccountRequired && externalAccountParameter === undefined)
      return {
        ...{ what, found: 'wants an external account, and the setting has none' },
        remedy: 'Give "externalAccount":true in Issuers, and what the CA gave you (docs/deploying.md).',
      };
    const trusted = staging ? '; nobody trusts its certificates, for it is for trying' : '';
    const terms = meta.termsOfService === undefined ? '' : `; its terms: ${meta.termsOfService}`;
    return { what, found: `answers at ${directoryUrl}${trusted}${terms}` };
  } catch (error) {
    const found = `${directoryUrl} gave no directory (${(error as Error).message})`;
    return { what, found, remedy: 'Look at its URL in Issuers, at TrustedRoots, and at the way from here to it.' };
  }
}

function servers({ known }: Surroundings, now: number): Finding[] {
  const all = report(known, now).servers;
  if (all.length === 0) {
    const remedy = 'Register one: sealpost help register.';
    return [{ what: 'mail servers', found: 'none is registered', remedy }];
  }
  return all.map(server => ({
    what: `mail server ${server.name}`,
    found: server.well ? 'is well' : 'is not well',
    ...(!server.well && { remedy: trouble(server) }),
  }));
}

const PATIENCE_MS = 10_000;

/** @param roots PEM, trusted beside the public ones; may be empty @throws Error */
export function readDirectory(url: string, { roots }: { roots: string }): Promise<Directory> {
  return new Promise((resolve, reject) => {
    const ca = [...rootCertificates, ...(roots === '' ? [] : [roots])];
    const request = get(url, { ca, timeout: PATIENCE_MS }, answer => {
      let text = '';
      answer.setEncoding('utf8').on('data', chunk => (text += chunk));
      answer.on('end', () => {
        try {
          resolve(z.parse(directory, JSON.parse(text)));
        } catch {
          reject(new Error(`status ${answer.statusCode}, and no ACME directory`));
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer in ten seconds'))).on('error', reject);
  });
}
