/** The command line. Exit code 0: all is well; 1: something is not; 2: what was typed; 3: it could not be looked up. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseDomain, parseHostName } from '../core/certificate/names.ts';
import type { RenewRequest } from '../core/renewal/renew.ts';
import { isSealpostError } from '../core/errors.ts';
import { dnsRecords, dnsText, namesToDelegate } from './dns.ts';
import { environment, type Environment } from './environment.ts';
import { importTable, progressOn } from './import.ts';
import { readTable } from './import-rows.ts';
import { json } from './json.ts';
import { renewAll } from './renew.ts';
import { parseUses, provide, withdraw } from './provide.ts';
import { isEnough, lookAt, settingsJson, settingsText, settingsXml } from './settings.ts';
import { openScreen } from './screen.ts';
import { domainDetails, overview, report, serverDetails } from './status.ts';
import { explain } from './trouble.ts';
import { watch } from './watch.ts';

const HELP = `sealpost, certificates for hosted mail

  npx sealpost status                    what is known: each domain and server, its state and what comes next
  npx sealpost status DOMAIN | SERVER    all of one
  npx sealpost dns DOMAIN                the CNAME lines for the customer's zone  (--names mail,webmail: for a list of names)
  npx sealpost renew DOMAIN              renews it now, a fresh or a parked one too  (--server SERVER: all on it; --all)
  npx sealpost provide DOMAIN --for mail|webmail|both --pem FILE [--key FILE]
                                         a certificate from elsewhere  (--withdraw instead of the files: ours again)
  npx sealpost audit SERVER              looks at it now: each name on each port, and from outside
  npx sealpost import FILE               a table of domains (CSV), a dry run first  (--go: does it, at the issuer's pace)
  npx sealpost settings DOMAIN           what to type into a mail program, each line looked at now  (--autoconfig: Thunderbird's file)
  npx sealpost watch                     the road while it is walked

  --json          for programs (status, dns, settings)
  --stack NAME    another stack than sealpost

The account and region are those of the standard AWS environment and profiles (AWS_PROFILE, AWS_REGION, …).
Exit code: 0 all is well; 1 something is not; 2 mistyped; 3 it could not be looked up.`;

class Usage extends Error {}

interface Options {
  json: boolean;
  names: string | undefined;
  server: string | undefined;
  all: boolean;
  for: string | undefined;
  pem: string | undefined;
  key: string | undefined;
  withdraw: boolean;
  go: boolean;
  autoconfig: boolean;
}

const NOTHING = { names: undefined, server: undefined, for: undefined, pem: undefined, key: undefined };

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        names: { type: 'string' },
        server: { type: 'string' },
        all: { type: 'boolean', default: false },
        for: { type: 'string' },
        pem: { type: 'string' },
        key: { type: 'string' },
        withdraw: { type: 'boolean', default: false },
        go: { type: 'boolean', default: false },
        autoconfig: { type: 'boolean', default: false },
        stack: { type: 'string', default: 'sealpost' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new Usage((error as Error).message);
  }
}

async function status(given: string | undefined, options: Options, here: Environment): Promise<number> {
  const now = Date.now();
  const name = given === undefined ? undefined : parseDomain(given, 'the name');
  const store = await here.store();
  if (name === undefined) {
    const all = report(await store.all(), now);
    console.log(options.json ? json(all) : overview(all, now));
    return all.well ? 0 : 1;
  }
  const [ofDomain, ofServer] = await Promise.all([store.ofDomain(name), store.ofServer(name)]);
  const domains = report(ofDomain, now).domains;
  const servers = report(ofServer, now).servers;
  if (domains.length + servers.length === 0) {
    console.error(`${given} is not known here, neither as a domain nor as a server.`);
    return 1;
  }
  const well = [...domains, ...servers].every(one => one.well);
  if (options.json) {
    console.log(json({ domains, servers, well }));
    return well ? 0 : 1;
  }
  const parked = domains.some(one => one.reason === 'DomainNotManaged');
  const zone = parked ? await here.challengeZone() : undefined;
  const parts = [...servers.map(one => serverDetails(one, now)), ...domains.map(one => domainDetails(one, zone, now))];
  console.log(parts.join('\n\n'));
  return well ? 0 : 1;
}

async function dns(given: string | undefined, options: Options, here: Environment): Promise<number> {
  if (given === undefined) throw new Usage('dns needs a domain');
  const domain = parseDomain(given, 'the domain');
  const [record] = (await (await here.store()).ofDomain(domain)).domains;
  const names = namesToDelegate(domain, record, options.names?.split(','));
  const zone = await here.challengeZone();
  console.log(options.json ? json(dnsRecords(names, zone)) : dnsText(names, zone));
  return 0;
}

function renewRequest(given: string | undefined, { server, all }: Options): RenewRequest {
  const wanted: RenewRequest[] = [
    ...(given === undefined ? [] : [{ domain: parseDomain(given, 'the domain') }]),
    ...(server === undefined ? [] : [{ server: parseHostName(server, '--server') }]),
    ...(all ? [{ all: true as const }] : []),
  ];
  if (wanted.length !== 1) throw new Usage('renew needs a domain, or --server SERVER, or --all');
  return wanted[0]!;
}

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Usage(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function provideOrWithdraw(given: string | undefined, options: Options, here: Environment): Promise<string> {
  const { pem, key, withdraw: isWithdrawn } = options;
  if (given === undefined) throw new Usage('provide needs a domain');
  const domain = parseDomain(given, 'the domain');
  const wanted = parseUses(options.for ?? (isWithdrawn ? 'both' : undefined));
  if (!wanted) throw new Usage('provide needs --for mail, --for webmail or --for both');
  if (isWithdrawn === (pem !== undefined) || (isWithdrawn && key !== undefined))
    throw new Usage('provide needs either --pem FILE (and --key FILE, where the key is not in it) or --withdraw');
  const elsewhere = await here.elsewhere();
  if (isWithdrawn) return withdraw(domain, wanted, elsewhere, Date.now());
  return provide({ domain, for: wanted, pem: pem!, ...(key !== undefined && { key }) }, elsewhere, Date.now());
}

async function audit(given: string | undefined, here: Environment): Promise<number> {
  if (given === undefined) throw new Usage('audit needs a server');
  const server = parseHostName(given, 'the server');
  if (!(await here.audit(server))) {
    console.error(`${server} is not registered.`);
    return 1;
  }
  console.log(
    `${server} is looked at now; npx sealpost status ${server} shows what came of it, npx sealpost watch the way.`,
  );
  return 0;
}

async function settings(given: string | undefined, options: Options, here: Environment): Promise<number> {
  if (given === undefined) throw new Usage('settings needs a domain');
  if (options.json && options.autoconfig) throw new Usage('settings takes --json or --autoconfig, not both');
  const domain = parseDomain(given, 'the domain');
  const [record] = (await (await here.store()).ofDomain(domain)).domains;
  if (!record?.spec || record.spec.deleted || record.spec.host) {
    console.error(`${given} is not known here as a domain.`);
    return 1;
  }
  const all = await lookAt(record, await here.look());
  const isWell = isEnough(all);
  if (options.json) console.log(json(settingsJson(record, all)));
  else if (!options.autoconfig) console.log(settingsText(record, all));
  else if (isWell) console.log(settingsXml(domain, all));
  else console.error(`No file: ${settingsText(record, all)}`);
  return isWell ? 0 : 1;
}

async function run(command: string, given: string | undefined, options: Options, here: Environment): Promise<number> {
  if (options.names !== undefined && command !== 'dns') throw new Usage('--names belongs to dns');
  if ((options.server !== undefined || options.all) && command !== 'renew')
    throw new Usage('--server and --all belong to renew');
  if (options.go && command !== 'import') throw new Usage('--go belongs to import');
  const isProvided = [options.for, options.pem, options.key].some(one => one !== undefined) || options.withdraw;
  if (isProvided && command !== 'provide') throw new Usage('--for, --pem, --key and --withdraw belong to provide');
  if (options.autoconfig && command !== 'settings') throw new Usage('--autoconfig belongs to settings');
  switch (command) {
    case 'status':
      return status(given, options, here);
    case 'dns':
      return dns(given, options, here);
    case 'renew':
      console.log(await renewAll(renewRequest(given, options), here.renew, line => console.log(line)));
      return 0;
    case 'provide':
      console.log(await provideOrWithdraw(given, options, here));
      return 0;
    case 'audit':
      return audit(given, here);
    case 'import': {
      if (given === undefined) throw new Usage('import needs a file');
      const table = readTable(readFile(given));
      const progress = progressOn(process.stdout);
      const shown = { now: Date.now, print: (line: string) => console.log(line), progress, everyMs: 5_000 };
      return (await importTable(table, options.go, { ...(await here.importing()), ...shown })) ? 0 : 1;
    }
    case 'settings':
      return settings(given, options, here);
    case 'watch':
      if (given !== undefined || options.json) throw new Usage('watch takes nothing');
      await watch(here.road(), openScreen(process.stdout, process.env), process.stdin);
      return 0;
    default:
      throw new Usage(`there is no command ${command}`);
  }
}

/** @returns the exit code */
export async function main(args: string[]): Promise<number> {
  let stack = 'sealpost';
  try {
    const { values, positionals } = parse(args);
    stack = values.stack;
    const [command, given, ...more] = positionals;
    if (values.help || command === undefined || command === 'help') {
      console.log(HELP);
      return values.help || command ? 0 : 2;
    }
    if (more.length > 0) throw new Usage(`${command} takes one name`);
    const { help: _, stack: __, ...options } = values;
    return await run(command, given, { ...NOTHING, ...options }, environment(stack, process.env));
  } catch (error) {
    const mistyped = error instanceof Usage || isSealpostError(error, 'InvalidStepInput');
    console.error(mistyped ? `${(error as Error).message}\n(npx sealpost --help)` : explain(error, stack));
    return mistyped ? 2 : 3;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
