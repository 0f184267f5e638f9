/**
 * The changes that CONTRIBUTING.md lists, each made by edits of exactly the files that its list
 * names. contributing.test.ts makes them in copies of the checkout.
 */

/** What fails if the file is left out: the type check, or a test file. */
export type Check = 'types' | `test/${string}.test.ts`;

interface Change {
  /** @param text of the file; empty for a new file */
  edit(text: string): string;
  missedBy: Check;
}

export interface Recipe {
  /** The most files that a person touches (issue "A house that others can live in"). */
  bar: number;
  /** By path. */
  changes: Record<string, Change>;
}

/** @throws Error if the text has no such place: the recipe is then to be mended */
function place(text: string, anchor: string): number {
  const at = text.indexOf(anchor);
  if (at < 0) throw new Error(`there is no ${JSON.stringify(anchor)} for a recipe of CONTRIBUTING.md`);
  return at;
}

const before = (anchor: string, added: string) => (text: string) => {
  const at = place(text, anchor);
  return text.slice(0, at) + added + text.slice(at);
};
const after = (anchor: string, added: string) => (text: string) => {
  const at = place(text, anchor) + anchor.length;
  return text.slice(0, at) + added + text.slice(at);
};
const instead = (anchor: string, added: string) => (text: string) => {
  const at = place(text, anchor);
  return text.slice(0, at) + added + text.slice(at + anchor.length);
};
const all =
  (...edits: ((text: string) => string)[]) =>
  (text: string) =>
    edits.reduce((edited, edit) => edit(edited), text);

/** By their headings in CONTRIBUTING.md. */
export const recipes: Record<string, Recipe> = {
  'Add a setting': {
    bar: 4,
    changes: {
      'lib/settings.ts': {
        edit: before(
          '  OutsidePorts: {',
          `  OutsideUnseen: {
    description: 'How many domains that are not served the outside check keeps for each server.',
    default: '50',
    ...positive,
    readBy: ['LookFromOutside'],
  },
`,
        ),
        missedBy: 'test/house/template.test.ts',
      },
      'lambdas/look-from-outside.ts': {
        edit: before("    ports: setting('OUTSIDE_PORTS')", "    unseen: Number(setting('OUTSIDE_UNSEEN')),\n"),
        missedBy: 'types',
      },
      'core/audit/from-outside.ts': {
        edit: all(
          after('  ports: number[];\n', '  unseen: number;\n'),
          instead('const MOST_UNSEEN = 50;\n', ''),
          instead('MOST_UNSEEN', 'ports.unseen'),
        ),
        missedBy: 'types',
      },
      'test/core/audit/from-outside.test.ts': { edit: after('    ports,\n', '    unseen: 50,\n'), missedBy: 'types' },
    },
  },
  'Add an option of an issuer': {
    bar: 4,
    changes: {
      'core/acme/issuer.ts': {
        edit: all(
          after('  staging: boolean;\n', '  keyType?: string;\n'),
          before(
            '  externalAccount: z.optional(',
            '  keyType: z.optional(z.string().check(z.regex(/^[a-z0-9]{1,10}$/))),\n',
          ),
          before('  externalAccount: {', "  keyType: { meaning: 'The kind of key.', example: 'p256' },\n"),
          instead('externalAccount, limits = {} }', 'externalAccount, keyType, limits = {} }'),
          after('    directoryUrl: directory,\n', '    ...(keyType !== undefined && { keyType }),\n'),
        ),
        missedBy: 'types',
      },
      'test/core/acme/issuer.test.ts': {
        edit: after('    staging: false,\n', "    keyType: 'p256',\n"),
        missedBy: 'types',
      },
    },
  },
  'Add an error': {
    bar: 5,
    changes: {
      'core/errors.ts': {
        edit: all(
          before("  DomainNotManaged: 'park',", "  DomainInQuarantine: 'park',\n"),
          before(
            '  DomainNotManaged:\n',
            "  DomainInQuarantine: 'Ask the owner of the domain to end the quarantine.',\n",
          ),
        ),
        missedBy: 'types',
      },
      'core/secure-domain/claim-domain.ts': {
        edit: after(
          'parseDomainEvent(event, now);\n',
          `  if (event.execution === 'in-quarantine')
    throw new SealpostError('DomainInQuarantine', { about: event.execution, message: 'the domain is in quarantine' });
`,
        ),
        missedBy: 'test/house/errors.test.ts',
      },
      'statemachines/secure-domain.ts': {
        edit: before("    'ServerNotInspected',", "    'DomainInQuarantine',\n"),
        missedBy: 'test/house/thrown.test.ts',
      },
      'test/statemachines/secure-domain.test.ts': {
        edit: before("'ServerNotInspected', 'ServerNotRegistered'],", "'DomainInQuarantine', "),
        missedBy: 'test/statemachines/secure-domain.test.ts',
      },
      'docs/runbook.md': {
        edit: before('## DomainNotManaged\n', '## DomainInQuarantine\n\nAsk the owner of the domain.\n\n'),
        missedBy: 'test/house/errors.test.ts',
      },
    },
  },
  'Add an event in': {
    bar: 6,
    changes: {
      'core/events/events-in.ts': {
        edit: all(
          before(
            '/** Events that start secure-domain. */',
            'export const domainPause = z.strictObject({ domain: text });\n\n',
          ),
          after("  'Certificate Expiring': expiring,\n", "  'Domain Paused': domainPause,\n"),
          before(
            "  'Mail Server Registered': {",
            "  'Domain Paused': { meaning: 'Nothing is ordered for the domain today.', example: { domain } },\n",
          ),
        ),
        missedBy: 'types',
      },
      'core/events/domain-event.ts': {
        edit: all(
          before('expiring, wanted', 'domainPause, '),
          after("  | { kind: 'look'; domain: string; isOurs?: true }", "\n  | { kind: 'pause'; domain: string }"),
          before(
            "    case 'Certificate Expiring': {",
            `    case 'Domain Paused':
      return { kind: 'pause', domain: parseDomain(detail(domainPause).domain, { field: 'detail.domain' }) };
`,
          ),
        ),
        missedBy: 'test/house/events.test.ts',
      },
      'core/secure-domain/claim-domain.ts': {
        edit: after(
          'parseDomainEvent(event, now);\n',
          `  if (request.kind === 'pause')
    return ended('ClaimedByAnother', { about: request.domain, message: 'the domain is paused' });
`,
        ),
        missedBy: 'types',
      },
      'test/core/events/events.test.ts': {
        edit: after(
          "  'Certificate Expiring': [{ domain: 'example.com' }, 'look'],\n",
          "  'Domain Paused': [{ domain: 'example.com' }, 'pause'],\n",
        ),
        missedBy: 'types',
      },
      'README.md': {
        edit: before('| `Certificate Expiring` |', '| `Domain Paused` | `{"domain":"example.com"}` |\n'),
        missedBy: 'test/house/events.test.ts',
      },
    },
  },
  'Add an event out': {
    bar: 5,
    changes: {
      'core/events/events-out.ts': {
        edit: all(
          before("  'Certificate Removed': z.", "  'Domain Reviewed': z.strictObject({ domain: name }),\n"),
          before(
            "  'Certificate Removed': { ",
            "  'Domain Reviewed': { meaning: 'The domain was reviewed.', example: { domain } },\n",
          ),
        ),
        missedBy: 'types',
      },
      'core/secure-domain/release-domain.ts': {
        edit: text => `${text}
export function reviewed(domain: string): EventOut {
  return { detailType: 'Domain Reviewed', detail: { domain } };
}
`,
        missedBy: 'test/house/events.test.ts',
      },
      'README.md': { edit: before('`Domain Retired`', '`Domain Reviewed`,\n'), missedBy: 'test/house/events.test.ts' },
    },
  },
  'Add a step': {
    bar: 7,
    changes: {
      'statemachines/register-server.ts': {
        edit: all(
          after('  roads: { InvalidStepInput: toRejection },\n', "  next: 'GreetServer',\n"),
          before(
            'export const registerServer =',
            `export const GreetServer = /* @__PURE__ */ step('GreetServer', () => ({
  comment: 'Greets the server.',
  input: z.looseObject({ server: z.string() }),
  output: z.object({ server: z.string() }),
  throws: ['Throttled'],
  retry: { Throttled: 'awsBusy' },
  roads: {},
}));

`,
          ),
          instead('states: { RegisterServer, ', 'states: { RegisterServer, GreetServer, '),
        ),
        missedBy: 'types',
      },
      'lambdas/greet-server.ts': {
        edit: () => `/** State GreetServer of register-server. */
import { greetServer } from '../core/register-server/greet-server.ts';
import { GreetServer } from '../statemachines/register-server.ts';
import { setting } from './environment.ts';

export const handler = GreetServer.handler(async input => greetServer(input, { stack: setting('STACK') }));
`,
        missedBy: 'test/house/names.test.ts',
      },
      'core/register-server/greet-server.ts': {
        edit: () => `/** GreetServer: an example. */
import { SealpostError } from '../errors.ts';

/** @throws SealpostError Throttled */
export function greetServer({ server }: { server: string }, { stack }: { stack: string }): { server: string } {
  if (server === stack) throw new SealpostError('Throttled', { about: server, message: 'AWS is busy' });
  return { server };
}
`,
        missedBy: 'types',
      },
      'lib/functions.ts': {
        edit: before(
          '    ClaimDomain: {',
          "    GreetServer: { memory: 128, timeout: 30, variables: ['STACK'], rights: [] },\n",
        ),
        missedBy: 'types',
      },
      'test/statemachines/register-server.test.ts': {
        edit: all(
          after('  answers: {\n', '    GreetServer: ({ server }) => ({ server }),\n'),
          instead(
            "{ road: ['RegisterServer'], status: 'SUCCEEDED'",
            "{ road: ['RegisterServer', 'GreetServer'], status: 'SUCCEEDED'",
          ),
        ),
        missedBy: 'test/statemachines/register-server.test.ts',
      },
    },
  },
};
