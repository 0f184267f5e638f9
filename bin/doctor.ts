/**
 * `sealpost doctor`: what adoption changes on a server. The command line has no right to run a
 * command on a server, and the SSM document runs deliveries only
 * (docs/decisions/0005-the-document-never-changes.md). So an unregistered server is read by the
 * installer itself, which an administrator runs there.
 */
import { writeFileSync } from 'node:fs';
import { installer } from '../install/assemble.ts';
import { adoption } from './details.ts';
import type { Answer, Here } from './here.ts';
import { examine } from './doctor-stack.ts';
import { Refusal } from './refusal.ts';
import { report, stateOf, trouble } from './report.ts';

const HOW =
  'On the server, as root: sh installer.sh inspect. It changes nothing. `sealpost doctor --installer installer.sh` writes that file.';

/** @param options.server a host name, or the id of a managed node */
export async function doctor(here: Here, options: { server?: string; installer?: string }): Promise<Answer> {
  if (options.installer !== undefined) return write(options.installer);
  if (options.server !== undefined) return ofServer(here, options.server);
  return examine(await (await here.environment()).surroundings(), Date.now());
}

function write(file: string): Answer {
  const { text, sha256 } = installer();
  writeFileSync(file, text, { mode: 0o644 });
  const said = `${file} is the installer for Linux. As root on a server, \`sh ${file} inspect\` says what adoption would change there, and changes nothing.`;
  return { text: said, data: { file, sha256 }, isWell: true };
}

async function ofServer(here: Here, named: string): Promise<Answer> {
  const now = Date.now();
  const store = await (await here.environment()).store();
  // Only a name has a key in the table. A node id is rare, and all servers are read for it.
  const isNode = /^m?i-[0-9a-f]+$/.test(named);
  const { servers } = report(await (isNode ? store.all() : store.ofServer(named)), now);
  const server = servers.find(one => (isNode ? one.node : one.name) === named);
  if (!server) {
    const message = `${named} is not registered, so no inspection of it is on record.`;
    throw new Refusal({ name: 'NotKnown', message, remedy: HOW, exitCode: 1 });
  }
  const { daemons } = server;
  const parts =
    daemons.length > 0 ? adoption(daemons) : ['No inspection has answered yet with the state of its daemons.', HOW];
  const told = server.well ? [] : [trouble(server)];
  const text = [`${server.name}: ${stateOf(server)}`, ...told, ...parts].join('\n\n');
  return { text, data: { server: server.name, node: server.node, daemons }, isWell: server.well };
}
