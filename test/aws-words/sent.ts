/**
 * What the product sends to AWS: `sent.txt`, recorded by the stand-in while tests run. A line is a
 * service and an operation, or these with a member: `ssm SendCommand SendCommandRequest.Comment`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, read, under } from '../house/sources.ts';
import { SERVICES, type Sent } from './sentences.ts';

const FILE = 'test/aws-words/sent.txt';
/** The application id of the product's clients (aws/throttling.ts). */
const PRODUCT = 'sealpost';

/** Runs of vitest that together call all that the product calls. */
const RUNS = [
  // These tests make the clients that they give to the product, so that each has the product's id.
  { tests: ['--project', 'parts', 'test/aws/'], id: PRODUCT },
  { tests: ['--project', 'parts', 'test/bin/', 'test/prove/whole', 'test/road/', 'test/local/visitor'] },
  { tests: ['--project', 'measured'] },
];

/** @returns by service */
export function sent(): Map<string, Sent> {
  const found = new Map<string, Sent>();
  for (const line of read(FILE).split('\n').filter(Boolean)) {
    const [service, operation, member] = line.split(' ') as [string, string, string?];
    const ofService = found.get(service) ?? new Map<string, string[]>();
    found.set(service, ofService);
    const members = ofService.get(operation) ?? [];
    ofService.set(operation, member === undefined ? members : [...members, member]);
  }
  return found;
}

/** `<service> <operation>` of each command that aws/ and prove/ import from an SDK client. */
export function operationsOfTheProduct(): string[] {
  return under('aws', 'prove').flatMap(file =>
    [...read(file).matchAll(/import\s*\{([^}]*)\}\s*from '@aws-sdk\/client-([\w-]+)'/g)].flatMap(([, names, name]) =>
      [...names!.matchAll(/(?:(\w+)Command|paginate(\w+))\b/g)].map(
        ([, command, paginated]) => `${SERVICES[name!] ?? name} ${command ?? paginated}`,
      ),
    ),
  );
}

/**
 * Runs tests and writes what the product sent.
 * @param tests if there are any, only these run, and the record is added to
 * @throws Error with the runs that failed, after what they sent was added to the record
 */
export async function record(tests: string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aws-words-'));
  const file = join(folder, 'sent');
  const runs = tests.length === 0 ? RUNS : [{ tests: ['--project', 'parts', ...tests] }];
  const failed: string[] = [];
  for (const run of runs) await vitest(run, file).catch((error: Error) => failed.push(error.message));
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  rmSync(folder, { recursive: true });
  const known = existsSync(join(checkout, FILE)) ? read(FILE).split('\n').filter(Boolean) : [];
  const isWhole = tests.length === 0 && failed.length === 0;
  writeFileSync(join(checkout, FILE), `${renewed({ known, sent: ofTheProduct(lines), isWhole }).join('\n')}\n`);
  if (failed.length > 0) throw new Error(`the record is not whole: ${failed.join('; ')}`);
}

/** Only after a whole run, in which no test failed, is a line taken out that nobody sent. */
export function renewed({ known, sent, isWhole }: { known: string[]; sent: string[]; isWhole: boolean }): string[] {
  return [...new Set([...(isWhole ? [] : known), ...sent])].sort();
}

/**
 * Without the sender. A line of a test's own client, which happens to have the product's id, is
 * left out if the product has no such operation.
 */
export function ofTheProduct(lines: string[]): string[] {
  const called = new Set(operationsOfTheProduct());
  return lines.flatMap(line => {
    const [, sender, what] = /^(\S+) (.*)$/.exec(line)!;
    const isCalled = called.has(what!.split(' ', 2).join(' '));
    // A role: Step Functions and EventBridge, which act as the product's template says.
    return sender === 'role' || (sender === PRODUCT && isCalled) ? [what!] : [];
  });
}

function vitest({ tests, id }: { tests: string[]; id?: string }, file: string): Promise<void> {
  const environment = { ...process.env, AWS_STAND_IN_SENT: file, ...(id && { AWS_SDK_UA_APP_ID: id }) };
  const program = join(checkout, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [...process.execArgv, program, 'run', ...tests], {
    ...{ cwd: checkout, env: environment, stdio: 'inherit' },
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code =>
      code === 0 ? resolve() : reject(new Error(`vitest ${tests.join(' ')} ended with ${code}`)),
    );
  });
}
