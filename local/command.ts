/**
 * `npm run local -- …`: the command of the hosting provider on this machine. `help` lists
 * everything.
 */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ask } from './provider/control.ts';
import { endDetached, PROVIDER_DIRECTORY, providerState, startDetached } from './detached.ts';
import { environmentLines } from './shell-environment.ts';
import type { Credentials, Facts } from './provider/facts.ts';
import { HOST_ENVIRONMENT, insideHost } from './hosts/host.ts';
import { parseKind, SOFTWARE, USUAL, type Kind } from './hosts/software.ts';

const HELP = `A hosting provider on this machine, with a stand-in for AWS, a CA, DNS and mail servers of its own.

  npm run local -- up                 start the provider, or resume a killed one; mx1 is then registered and adopted
  npm run local -- status             what runs where; exit code 1 if the provider is not up
  npm run local -- down               end the provider and remove every trace of it
  npm run -s local -- env             variables for a shell: eval "$(npm run -s local -- env)"   (-s keeps npm silent);
                                      the credentials are a person's of the provider, who may do everything
  npm run -s local -- env --as WHO    the same with the credentials of one role:
                                        provider     the provider's panel: puts events, and nothing else
                                        mx1          a server: reads its own deliveries
                                        sealpost-…   a function (npm run local -- env --as ? lists them)
  npm run local -- host add NAME      one more mail server, NAME.provider.test, known to Systems Manager
      --release R     bookworm (Debian 12, the default) or trixie (Debian 13)
      --software S    names with commas between them, of ${Object.keys(SOFTWARE).join(', ')};
                      ${USUAL.software.join(',')} by default
  npm run local -- host exec NAME -- CMD …    run a command inside the host
  npm run local -- host rm NAME       end the host and remove its files
  npm run local -- dns add NAME TYPE VALUE …  a record of a customer with another DNS host: any NAME under customer.test

  --in DIRECTORY   another provider than this checkout's, in a directory of its own

Your own state machines may use the role arn:aws:iam::000000000000:role/provider-administrator.
Debian's aws (2.9) does not read AWS_ENDPOINT_URL: aws --endpoint-url "$AWS_ENDPOINT_URL" …`;

class Usage extends Error {}

const NAME = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;

async function main(args: string[]): Promise<number> {
  // The arguments after `--` are the command inside a host, with its own options.
  const end = args.indexOf('--');
  const inside = end < 0 ? [] : args.slice(end + 1);
  const { values, positionals } = parse(end < 0 ? args : args.slice(0, end));
  const directory = values.in === undefined ? PROVIDER_DIRECTORY : resolve(values.in);
  const [command, ...rest] = positionals;
  if (command !== 'env' && values.as !== undefined) throw new Usage('--as belongs to env');
  const kind = values.release === undefined && values.software === undefined ? undefined : kindOf(values);
  if (kind && !(command === 'host' && rest[0] === 'add'))
    throw new Usage('--release and --software belong to host add');
  const noMore = () => {
    if (rest.length > 0) throw new Usage(`${command} takes no ${rest[0]}`);
  };
  switch (command) {
    case 'up':
      noMore();
      return up(directory);
    case 'down':
      noMore();
      await endDetached(directory);
      console.log('Nothing of the local provider is left.');
      return 0;
    case 'status': {
      noMore();
      // `status` alone needs clients of AWS, and they take half a second to load.
      const { text, isUp } = await (await import('./status.ts')).status(directory);
      console.log(text);
      return isUp ? 0 : 1;
    }
    case 'env':
      noMore();
      return env(directory, values.as);
    case 'host':
      return host(directory, rest, inside, kind);
    case 'dns':
      return dns(directory, rest);
    case 'help':
    case undefined:
      console.log(HELP);
      return command ? 0 : 2;
    default:
      throw new Usage(`there is no command ${command}`);
  }
}

function parse(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = {
      as: text,
      in: text,
      release: text,
      software: text,
      help: { type: 'boolean', short: 'h' },
    } as const;
    const parsed = parseArgs({ args, options, allowPositionals: true });
    return parsed.values.help ? { ...parsed, positionals: ['help'] } : parsed;
  } catch (error) {
    throw new Usage((error as Error).message);
  }
}

async function up(directory: string): Promise<number> {
  const started = await startDetached(directory, text => process.stdout.write(text));
  if (!started) console.log(`The local provider is up, since ${(await providerState(directory))!.since}.`);
  console.log('For a shell: eval "$(npm run -s local -- env)"   What runs where: npm run local -- status');
  return 0;
}

async function env(directory: string, who: string | undefined): Promise<number> {
  const facts = await ask<Facts>(directory, 'facts');
  const credentials =
    who === undefined ? facts.credentials.administrator : await ask<Credentials>(directory, 'credentials', { who });
  console.log(environmentLines(facts, credentials).join('\n'));
  return 0;
}

function kindOf({ release, software }: { release?: string; software?: string }): Kind {
  try {
    return parseKind({ release, software });
  } catch (error) {
    throw new Usage((error as Error).message);
  }
}

async function host(
  directory: string,
  [what, name, ...more]: string[],
  inside: string[],
  kind?: Kind,
): Promise<number> {
  if (!name || more.length > 0 || !NAME.test(name)) throw new Usage(`host ${what ?? 'add'} wants one NAME, like mx2`);
  const { hosts } = await ask<Facts>(directory, 'facts');
  const known = hosts.find(host => host.name === name);
  if (what === 'add') {
    if (known) throw new Error(`there is a host ${name} already`);
    await ask(directory, 'addHost', { name, kind });
    const { hosts: now, outputs } = await ask<Facts>(directory, 'facts');
    const added = now.find(host => host.name === name)!;
    console.log(`${added.hostName} runs at ${added.address}, managed node ${added.nodeId}. It is not registered yet:
aws events put-events --endpoint-url "$AWS_ENDPOINT_URL" --entries '[{"EventBusName":"${outputs.BusName}","Source":"provider.panel","DetailType":"Mail Server Registered","Detail":"{\\"server\\":\\"${added.hostName}\\",\\"node\\":\\"${added.nodeId}\\",\\"adopt\\":true}"}]'`);
    return 0;
  }
  if (!known) throw new Error(`there is no host ${name}; there are: ${hosts.map(host => host.name).join(', ')}`);
  if (what === 'rm') {
    await ask(directory, 'removeHost', { name });
    return 0;
  }
  if (what !== 'exec') throw new Usage(`there is no host ${what}`);
  if (inside.length === 0) throw new Usage('host exec NAME -- CMD wants a command');
  return exec(known.pid, inside);
}

function exec(pid: number, command: string[]): Promise<number> {
  const [program, ...args] = [...insideHost(pid), ...command] as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const environment = { ...HOST_ENVIRONMENT, TERM: process.env.TERM ?? 'dumb' };
    const child = spawn(program, args, { stdio: 'inherit', env: environment });
    child.on('error', reject).on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
}

async function dns(directory: string, [what, name, type, ...values]: string[]): Promise<number> {
  if (what !== 'add' || !name || !type || values.length === 0) throw new Usage('dns add NAME TYPE VALUE …');
  await ask(directory, 'addRecord', { name, type, values });
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  if (error instanceof Usage) console.error('npm run local -- help');
  process.exitCode = error instanceof Usage ? 2 : 1;
}
