/** The commands that put an event on the bus, as a panel does. */
import { domain, flag, list, one, server, text } from './arguments.ts';
import { row, type Entry } from './command.ts';

const wish = {
  servers: { ...list, placeholder: 'SERVERS', brief: 'Its mail servers, with commas.' },
  names: { ...list, placeholder: 'LABELS', brief: 'No wildcard: a list of labels, with commas.' },
  webmail: { ...text, parse: String, placeholder: 'SERVER', brief: 'The server of its webmail.' },
  issuer: { ...text, parse: String, placeholder: 'NAME', brief: 'The only issuer that may issue.' },
  'acme-profile': { ...text, parse: String, placeholder: 'NAME', brief: 'The ACME profile of its orders.' },
  acm: { ...flag, brief: 'A copy in ACM, too.' },
} as const;
const AS_A_PANEL = 'It puts an event on the bus, so your role must be one of the senders.';

export const wishes: Record<string, Entry> = {
  add: row({
    brief: 'Asks for a certificate of a new domain on its mail servers.',
    about: AS_A_PANEL,
    examples: ['add example.com --servers mx1.provider.example'],
    load: async () => (await import('./wishes.ts')).add,
    parameters: { positional: one(domain), flags: wish },
  }),
  change: row({
    brief: "Changes a domain's servers, names or options; what is not given stays.",
    about: AS_A_PANEL,
    examples: ['change example.com --servers mx2.provider.example'],
    load: async () => (await import('./wishes.ts')).change,
    parameters: {
      positional: one(domain),
      flags: { ...wish, wildcard: { ...flag, brief: 'One wildcard certificate instead of a list of names.' } },
    },
  }),
  delete: row({
    brief: 'Removes a domain from its servers, and renews it no longer.',
    about: AS_A_PANEL,
    examples: ['delete example.com'],
    load: async () => (await import('./wishes.ts')).remove,
    parameters: {
      positional: one(domain),
      flags: { revoke: { ...flag, brief: 'Have its certificate revoked, too.' } },
    },
  }),
  register: row({
    brief: 'Registers a mail server on its managed node, or registers it again.',
    about: AS_A_PANEL,
    examples: ['register mx1.provider.example --node mi-0123456789abcdef0 --adopt'],
    load: async () => (await import('./wishes.ts')).register,
    parameters: {
      positional: one(server('the server')),
      flags: {
        node: { ...text, parse: String, placeholder: 'NODE', brief: 'The managed node: i-… or mi-….' },
        adopt: { ...flag, brief: 'Let sealpost write the lines of its plan.' },
        'with-losses': { ...flag, brief: 'The same, with what the plan says would be lost.' },
        role: { ...text, parse: String, placeholder: 'ROLE', brief: 'The IAM role that the instance runs with.' },
        'leave-out': { ...list, placeholder: 'SOFTWARE', brief: 'Software that stays as it is.' },
      },
    },
  }),
  retire: row({
    brief: 'Retires a mail server: its domains are served by their other servers.',
    about: AS_A_PANEL,
    examples: ['retire mx1.provider.example'],
    load: async () => (await import('./wishes.ts')).retire,
    parameters: { positional: one(server('the server')) },
  }),
};
