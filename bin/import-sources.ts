/** What `sealpost import --from` reads. */
import { listed, mistyped } from './refusal.ts';

/** Directories of tools, and a list of domains as a panel exports it. */
export const SOURCES = ['certbot', 'lego', 'acme.sh', 'list'] as const;
export type Source = (typeof SOURCES)[number];

/** @throws Refusal */
export function parseSource(text: string): Source {
  const source = SOURCES.find(known => known === text);
  if (source !== undefined) return source;
  const message = `--from knows no ${JSON.stringify(text)}.`;
  throw mistyped({ name: 'InvalidValue', message, remedy: `Give ${listed(SOURCES, 'or')}.` });
}
