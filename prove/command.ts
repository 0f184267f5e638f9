/**
 * `npm run prove`: the first hour of an account. Given a deployed stack and one managed node, each
 * step asks AWS, and shows where the answer differs from what we expect. docs/first-account.md is
 * its page.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { complain, say } from '../bin/output.ts';
import { Refusal, mistyped } from '../bin/refusal.ts';
import { parseHostName } from '../core/certificate/names.ts';
import { account } from './account.ts';
import type { Named } from './before.ts';
import { interruptible } from './interrupt.ts';
import { prove, proofText } from './proof.ts';
import { RECORDED } from './recorded.ts';
import { policy } from './rights.ts';
import { cdkOf, withThrowAway } from './throw-away.ts';
import { explain } from './trouble.ts';

const HELP = `The first hour of a real account: asks AWS, step by step, what nobody could try without an account.

  npm run prove -- --node i-… --server mx1.provider.example --zone provider.example

  --node ID        a managed node (i-… or mi-…) with the tag sealpost:mail-server=<stack>
  --server NAME    its host name, with an A record
  --zone NAME      a public hosted zone of the account, in which a domain is made and removed
  --stack NAME     another stack than sealpost
  --region NAME, --profile NAME   before AWS_REGION, AWS_PROFILE and access keys
  --throw-away     in place of --node and --server: makes a stack and a mail server, and removes both;
                   needs --contact mailto:you@provider.example, and --trusted-roots FILE, the root of
                   Let's Encrypt's staging environment (letsencrypt.org/docs/staging-environment)
  --answers DIR    where the answers are written, without account ids, keys and tokens;
                   test/prove/recorded by default, where npm test replays them
  --yes            does not ask
  --policy         prints the policy that the role of the caller needs, and nothing else

Without --throw-away, nothing is deployed. Everything that is made is removed, also after Ctrl-C. docs/first-account.md says more.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  ...{ node: text, server: text, zone: text, region: text, profile: text },
  ...{ stack: { ...text, default: 'sealpost' }, answers: { ...text, default: RECORDED } },
  ...{ 'throw-away': flag, contact: text, 'trusted-roots': text },
  ...{ yes: flag, policy: flag, help: { ...flag, short: 'h' } },
} as const;

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch (error) {
    const remedy = 'See npm run prove -- --help.';
    throw mistyped({ name: 'UnknownOption', message: (error as Error).message, remedy });
  }
}

type Typed = ReturnType<typeof parse>;

function needed(typed: Typed, option: 'node' | 'server' | 'zone' | 'contact' | 'trusted-roots'): string {
  const value = typed[option];
  if (value !== undefined && value !== '') return value;
  const remedy = 'See npm run prove -- --help.';
  throw mistyped({ name: 'MissingValue', message: `prove needs --${option}.`, remedy });
}

function namedIn(typed: Typed, zone: string): Named {
  const server = parseHostName(needed(typed, 'server'), { field: '--server' });
  const node = needed(typed, 'node');
  if (/^(i|mi)-([0-9a-f]{8}|[0-9a-f]{17})$/.test(node)) return { stack: typed.stack, node, server, zone };
  const message = `--node ${JSON.stringify(node)} is no id of a node.`;
  const remedy = 'Give the id of an EC2 instance (i-…) or of a hybrid node (mi-…).';
  throw mistyped({ name: 'InvalidValue', message, remedy });
}

/** @returns the exit code: 0 as expected, 1 an answer differs, 2 mistyped, 3 an obstacle */
async function run(typed: Typed): Promise<number> {
  const { stack, region, profile, answers, yes = false } = typed;
  const zone = parseHostName(needed(typed, 'zone'), { field: '--zone' });
  if (typed.policy) {
    const shown = policy({ stack, zone, region: region ?? process.env.AWS_REGION ?? '*' });
    say(JSON.stringify(shown, undefined, 2));
    return 0;
  }
  const end = () => process.exit(130);
  const access = { ...(region !== undefined && { region }), ...(profile !== undefined && { profile }) };
  const named = typed['throw-away'] ? undefined : namedIn(typed, zone);
  const wanted = named ? undefined : { zone, contact: needed(typed, 'contact'), roots: rootsIn(typed) };
  const signal = interruptible(process, { now: Date.now, say, end });
  const asked = { access, directory: resolve(answers), say, signal };
  const asks = (plan: string[]) => agrees(plan, { yes, signal });
  const shows = (plan: string[]) => agrees(plan, { yes: true, signal });
  const means = { account: account(access, () => {}), cdk: cdkOf(access), agrees: asks, say, signal };
  const proof = wanted
    ? await withThrowAway(wanted, means, made => prove({ ...asked, named: made, agrees: shows }))
    : await prove({ ...asked, named: named!, agrees: asks });
  say(`\n${proofText(proof)}\nThe answers are in ${resolve(answers)}.`);
  if (proof.isInterrupted) return 130;
  return proof.left.length === 0 && proof.results.every(({ differs }) => differs?.length === 0) ? 0 : 1;
}

function rootsIn(typed: Typed): string {
  const file = needed(typed, 'trusted-roots');
  const content = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (content.includes('-----BEGIN CERTIFICATE-----')) return content;
  const message = `--trusted-roots ${JSON.stringify(file)} is no file with a certificate in PEM.`;
  throw mistyped({
    name: 'InvalidValue',
    message,
    remedy: "Save the root of Let's Encrypt's staging environment there.",
  });
}

async function agrees(plan: string[], { yes, signal }: { yes: boolean; signal: AbortSignal }): Promise<boolean> {
  say(`${plan.join('\n')}\n`);
  if (yes) return true;
  if (!process.stdin.isTTY) {
    const message = 'Nobody can answer: there is no terminal. Nothing was changed.';
    throw new Refusal({ name: 'NotAgreed', message, remedy: 'Say --yes.', exitCode: 3 });
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await asking.question('Go on? (yes/no) ', { signal })).trim());
  } finally {
    asking.close();
  }
}

async function main(args: string[]): Promise<number> {
  let typed: Typed | undefined;
  try {
    typed = parse(args);
    if (typed.help || args.length === 0) {
      say(HELP);
      return typed.help ? 0 : 2;
    }
    return await run(typed);
  } catch (error) {
    const { message, remedy, exitCode } = explain(error, typed ?? { stack: 'sealpost' });
    complain(remedy === undefined ? message : `${message}\n${remedy}`);
    return exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
