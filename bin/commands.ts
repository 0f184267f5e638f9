/**
 * The table of commands. The parser, the help, the refusals, the completion and the README's list
 * are made of its rows. A new command is a file with its function, a row here, and npm run
 * generate.
 */
import { domain, file, flag, list, names, one, server, text } from './arguments.ts';
import { row, type Entry } from './command.ts';
import { parseSource, SOURCES } from './import-sources.ts';
import { listed, mistyped } from './refusal.ts';
import { wishes } from './wish-commands.ts';

const NODE = /^m?i-[0-9a-f]+$/;
const SHELLS = ['bash', 'zsh'] as const;

export const commands: Record<string, Entry> = {
  status: row({
    brief: 'Shows each domain and server, its state and what comes next, or all about one of them.',
    about: 'The exit code is 1 while anything that is shown is not well.',
    examples: ['status', 'status example.com'],
    load: async () => (await import('./status.ts')).status,
    parameters: {
      positional: one({
        placeholder: 'NAME',
        brief: 'A domain, or the host name of a mail server.',
        optional: true,
        parse: async (text: string) => (await names()).parseDomain(text, { field: 'the name' }),
      }),
    },
  }),
  dns: row({
    brief: "Prints the CNAME lines that the domain's zone needs before the first order.",
    about: 'The lines are those of the domain as it is known here, or of one wildcard certificate.',
    examples: ['dns example.com'],
    load: async () => (await import('./dns.ts')).dns,
    parameters: {
      positional: one(domain),
      flags: {
        names: { ...text, parse: String, placeholder: 'LABELS', brief: 'For a list of names: labels with commas.' },
      },
    },
  }),
  ...wishes,
  renew: row({
    brief: 'Renews a certificate now, also a fresh one, and tries a parked domain now.',
    about: [
      'A second wish for the same domain within an hour changes nothing.',
      '--all asks first. --dry-run prints what the renewals would cost; with --all it reads the table.',
    ].join('\n'),
    examples: ['renew example.com', 'renew --all --dry-run'],
    load: async () => (await import('./renew.ts')).renew,
    parameters: {
      positional: one({ ...domain, optional: true }),
      flags: {
        server: { ...text, ...server('--server'), brief: 'All domains of this mail server, and its host name.' },
        all: { ...flag, brief: 'All domains and all servers.' },
        'dry-run': { ...flag, brief: 'Print orders, hours and dollars, and renew nothing.' },
        yes: { ...flag, brief: 'For --all: do not ask first.' },
      },
    },
  }),
  settings: row({
    brief: 'Prints what a person types into a mail program, each line verified by TLS now.',
    about: 'The exit code is 1 unless a line to read mail and a line to send mail are served.',
    examples: ['settings example.com'],
    load: async () => (await import('./settings.ts')).settings,
    parameters: {
      positional: one(domain),
      flags: { autoconfig: { ...flag, brief: 'The file that Thunderbird reads, instead of text.' } },
    },
  }),
  provide: row({
    brief: 'Serves a certificate that you bring in place of ours, or goes back to ours.',
    about: 'The certificate is checked first. The private key goes into the certificate bucket and nowhere else.',
    examples: ['provide example.com --for webmail --pem bought.pem', 'provide example.com --withdraw'],
    load: async () => (await import('./provide.ts')).provideOrWithdraw,
    parameters: {
      positional: one(domain),
      flags: {
        for: {
          kind: 'enum',
          optional: true,
          values: ['mail', 'webmail', 'both'],
          brief: 'What the certificate serves.',
        },
        pem: { ...text, ...file, brief: 'The certificate and its chain, with or without its key.' },
        key: { ...text, ...file, brief: 'The private key, where it is not in the file of --pem.' },
        withdraw: { ...flag, brief: 'Go back to our certificate, for both uses or one (--for).' },
      },
    },
  }),
  import: row({
    brief: "Reads a provider's domains from a CSV file, and prints the cost; --go begins.",
    about: [
      'Without --go nothing is written. An import can be stopped and started again.',
      "--from makes the CSV file of another tool's directory, or of a list of domains. It asks nobody.",
    ].join('\n'),
    examples: [
      'import domains.csv',
      'import domains.csv --go',
      'import /etc/letsencrypt --from certbot --servers mx1.provider.example --to domains.csv',
    ],
    load: async () => (await import('./import.ts')).importDomains,
    parameters: {
      positional: one({ ...file, brief: 'UTF-8, with the columns domain and server at least.' }),
      flags: {
        go: { ...flag, brief: "Begin the domains, at the issuer's pace." },
        from: {
          ...text,
          placeholder: 'TOOL',
          brief: `Another tool's directory: ${listed(SOURCES, 'or')}.`,
          proposeCompletions: () => SOURCES,
          // A refusal of a function that is not asynchronous would be read as a missing value.
          parse: async (given: string) => parseSource(given),
        },
        servers: { ...list, placeholder: 'SERVERS', brief: 'With --from: the mail servers, with commas.' },
        to: { ...text, ...file, brief: 'With --from: the CSV file that is written.' },
      },
    },
  }),
  audit: row({
    brief: 'Audits a server now: each name on each port, from inside and from outside.',
    examples: ['audit mx1.provider.test'],
    load: async () => (await import('./audit.ts')).audit,
    parameters: { positional: one(server('the server')) },
  }),
  doctor: row({
    brief: 'Looks at what the deployment needs; with --server, at the adoption of a server.',
    about: [
      'Alone: the challenge zone, the resolvers, each CA and each mail server, with what to do.',
      '--server reads the record of the last inspection. --installer is for any other server.',
    ].join('\n'),
    examples: ['doctor', 'doctor --server mx1.provider.test', 'doctor --installer installer.sh'],
    load: async () => (await import('./doctor.ts')).doctor,
    parameters: {
      flags: {
        server: {
          ...text,
          placeholder: 'SERVER',
          brief: 'The host name of a mail server, or its managed node.',
          parse: async (given: string) =>
            NODE.test(given) ? given : (await names()).parseHostName(given, { field: '--server' }),
        },
        installer: { ...text, ...file, brief: 'Write the installer for Linux to this file.' },
      },
    },
  }),
  policy: row({
    brief: 'Prints the IAM policy that a command needs, for the deployment that it finds.',
    about: 'Whoever runs it may read the configuration of two functions.',
    examples: ['policy status'],
    load: async () => (await import('./policy.ts')).policy,
    parameters: { positional: one({ placeholder: 'COMMAND', brief: 'A command.', parse: String }) },
  }),
  watch: row({
    brief: 'Shows running executions until q or Ctrl-C; without a terminal, a line for each step.',
    examples: ['watch'],
    isForPeople: true,
    load: async () => (await import('./watch.ts')).watch,
    parameters: {},
  }),
  completion: row({
    brief: 'Prints the lines that make the Tab key of bash or zsh complete this command line.',
    about: [
      'For one session: source <(sealpost completion bash)',
      'For every session: sealpost completion bash >> ~/.bashrc',
      'For zsh the same, after compinit. The lines name this checkout: print them again when it moves.',
    ].join('\n'),
    examples: ['completion bash', 'completion zsh'],
    isForPeople: true,
    load: async () => (await import('./completion.ts')).completion,
    parameters: {
      positional: one({
        placeholder: 'SHELL',
        brief: 'bash or zsh.',
        proposeCompletions: () => SHELLS,
        parse: async (text: string) => {
          const shell = SHELLS.find(known => known === text);
          if (shell !== undefined) return shell;
          const message = `completion knows no shell ${JSON.stringify(text)}.`;
          throw mistyped({ name: 'InvalidValue', message, remedy: `Give ${listed(SHELLS, 'or')}.` });
        },
      }),
    },
  }),
};
