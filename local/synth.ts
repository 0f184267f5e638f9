/**
 * The stack, synthesised as for a deployment. It is kept by a hash of its sources, because CDK
 * takes seconds.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mustRun } from './machine/program.ts';

const CHECKOUT = join(import.meta.dirname, '..');
const SOURCES = ['lib', 'lambdas', 'core', 'aws', 'install', 'statemachines', 'package-lock.json', 'cdk.json'];
const GENERATED = 'installer.bundle.sh';

/** @returns the folder that `cdk synth` calls cdk.out */
export async function synthesise(directory: string, report: (line: string) => void): Promise<string> {
  const cdkOut = join(directory, `cdk.out-${sourceHash().slice(0, 16)}`);
  if (existsSync(cdkOut)) return cdkOut;
  report('Synthesising the CDK stack (about 15 s; kept until its sources change)');
  const beside = `${cdkOut}.${process.pid}`;
  const { context } = JSON.parse(readFileSync(join(CHECKOUT, 'cdk.json'), 'utf8')) as { context: object };
  await mustRun([process.execPath, join(CHECKOUT, 'lib/app.ts')], {
    environment: {
      ...(process.env as Record<string, string>),
      CDK_OUTDIR: beside,
      CDK_CONTEXT_JSON: JSON.stringify(context),
    },
  });
  for (const old of readdirSync(directory))
    if (/^cdk\.out-[0-9a-f]{16}$/.test(old) && old !== basename(cdkOut))
      rmSync(join(directory, old), { recursive: true, force: true });
  try {
    renameSync(beside, cdkOut);
  } catch (error) {
    // Another process was first, with the same content.
    if (!existsSync(cdkOut)) throw error;
    rmSync(beside, { recursive: true });
  }
  return cdkOut;
}

function sourceHash(): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    if (path.endsWith(GENERATED)) return;
    if (statSync(path).isDirectory()) for (const entry of readdirSync(path).sort()) add(join(path, entry));
    else hash.update(path.slice(CHECKOUT.length)).update('\0').update(readFileSync(path));
  };
  for (const source of SOURCES) add(join(CHECKOUT, source));
  return hash.digest('hex');
}
