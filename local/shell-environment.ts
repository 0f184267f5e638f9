/**
 * The lines of `env`: the variables with which a shell uses the provider by tools of AWS, DNS and
 * TLS.
 */
import { join } from 'node:path';
import type { Credentials, Facts } from './provider/facts.ts';

const SEALPOST = join(import.meta.dirname, '../bin/sealpost.mjs');

export function environmentLines(facts: Facts, { accessKeyId, secretAccessKey }: Credentials): string[] {
  const exports: Record<string, string> = {
    AWS_ENDPOINT_URL: facts.endpoint,
    AWS_REGION: facts.region,
    // Version 1 of the aws command reads this one only.
    AWS_DEFAULT_REGION: facts.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_PAGER: '',
    SEALPOST_CA_FILE: facts.caFile,
    SEALPOST_CA_MANAGEMENT: facts.ca.managementUrl,
    SEALPOST_DNS: facts.dnsAddresses[0],
    SEALPOST_BUS: facts.outputs.BusName!,
    SEALPOST_TABLE: facts.outputs.TableName!,
  };
  for (const { name, hostName, address, nodeId } of facts.hosts) {
    const suffix = name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    exports[`SEALPOST_HOST_${suffix}`] = address;
    exports[`SEALPOST_NAME_${suffix}`] = hostName;
    exports[`SEALPOST_NODE_${suffix}`] = nodeId;
  }
  return [
    ...Object.entries(exports).map(([name, value]) => `export ${name}=${quoted(value)}`),
    'unset AWS_PROFILE AWS_SESSION_TOKEN',
    // The command line of this checkout, which is on nobody's PATH.
    `sealpost() { ${quoted(SEALPOST)} "$@"; }`,
  ];
}

/** In POSIX sh, every character inside single quotes is literal but the single quote. */
function quoted(value: string): string {
  return /^[\w.:/@%+,-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
