/** What the provider tells the commands about itself, so that they can be its clients. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ADMINISTRATOR, SENDER, STACK, type HostFacts, type Provider } from './provider.ts';

export interface Facts {
  endpoint: string;
  region: string;
  roots: string;
  caFile: string;
  ca: { version: string; directoryUrl: string; managementUrl: string };
  dnsAddresses: [string, string];
  outputs: Record<string, string>;
  resources: number;
  hosts: HostFacts[];
  credentials: Record<'administrator' | 'sender', Credentials>;
}

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

/**
 * The file has the CA's roots and the root of the CA's own HTTPS, for `curl` to the management URL.
 */
export function writeCaFile(directory: string, { roots, ca }: Provider): string {
  const file = join(directory, 'ca-roots.pem');
  writeFileSync(
    file,
    `${roots.trim()}\n# The CA's own HTTPS, no certificate of a mail server:\n${ca.tlsRoot.trim()}\n`,
  );
  return file;
}

export function factsOf(provider: Provider, caFile: string): Facts {
  const { cloud, ca, dns, stack, hosts, roots } = provider;
  return {
    endpoint: cloud.endpoint,
    region: cloud.region,
    roots,
    caFile,
    ca: { version: ca.pebble.version, directoryUrl: ca.directoryUrl, managementUrl: ca.managementUrl },
    dnsAddresses: dns.addresses,
    outputs: stack.outputs,
    resources: Object.keys(stack.resources).length,
    hosts: [...hosts.values()].map(({ name, hostName, address, gateway, pid, nodeId }) => ({
      name,
      hostName,
      address,
      gateway,
      pid,
      nodeId,
    })),
    credentials: {
      administrator: provider.client().credentials,
      sender: provider.client('sender').credentials,
    },
  };
}

/**
 * Returns credentials of one role: `provider` (its panel, which may put events and nothing else), a
 * server by its short or its host name (its SSM Agent signs with them), or a function by its name
 * with or without the stack's.
 * @throws Error that lists the names for any other
 */
export async function credentialsOf(provider: Provider, who: string): Promise<Credentials> {
  const { cloud } = provider;
  if (who === 'provider' || who === 'sender' || who === SENDER) return provider.client('sender').credentials;
  if (who === ADMINISTRATOR) return provider.client().credentials;
  const hosts = [...provider.hosts.values()];
  const host = hosts.find(({ name, hostName }) => who === name || who === hostName);
  if (host) return cloud.iam.credentials(cloud.iam.role(`${STACK}-mail-server-${cloud.region}`).arn, host.nodeId);
  const { Functions = [] } = await new LambdaClient(provider.client()).send(new ListFunctionsCommand({}));
  const kebab = who.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
  const found = Functions.find(({ FunctionName }) => [kebab, `${STACK}-${kebab}`].includes(FunctionName!));
  if (found) return cloud.iam.credentials(found.Role!, found.FunctionName!);
  const names = ['provider', ...hosts.map(({ name }) => name), ...Functions.map(({ FunctionName }) => FunctionName!)];
  throw new Error(`nobody is called ${who} here; there are: ${names.join(', ')}`);
}
