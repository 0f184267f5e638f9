/** A provider of its own for a test file: the real cloud on a free port, real SDK clients, roles with chosen rights. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCloud, type RunningCloud } from '../src/cloud.ts';
import type { LocalIam } from '../src/iam/local-iam.ts';
import type { Caller, Resource, ServiceFactory } from '../src/service/service.ts';

export interface Provider {
  cloud: RunningCloud;
  directory: string;
  /** A client of the account's administrator, or of a role made with just these statements. */
  client<T>(Client: new (config: any) => T, statements?: object[]): T;
  /** Who a client is to the services. */
  caller(client: { config: any }): Promise<Caller>;
  make(type: string, logicalId: string, properties: object): Promise<Resource>;
  /** Stops and starts again on the same directory. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startProvider(services: Record<string, ServiceFactory>): Promise<Provider> {
  const directory = await mkdtemp(join(tmpdir(), 'sealpost-cloud-'));
  const names = Object.keys(services);
  let roles = 0;
  const provider: Provider = {
    cloud: await startCloud({ directory, services: Object.values(services) }),
    directory,
    client(Client, statements) {
      const { iam, endpoint, region } = provider.cloud;
      let credentials = iam.rootCredentials();
      if (statements) {
        const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
        const role = iam.putRole(`role${(roles += 1)}`, { Version: '2012-10-17', Statement: [trust] }, [
          { Version: '2012-10-17', Statement: statements },
        ]);
        credentials = iam.credentials(role.arn, 'session');
      }
      return new Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 });
    },
    async caller(client) {
      const { accessKeyId } = await client.config.credentials();
      return (provider.cloud.iam as LocalIam).caller(accessKeyId)!.caller;
    },
    async make(type, logicalId, properties) {
      const make = names.map(name => provider.cloud.service(name).resources?.[type]).find(Boolean)!;
      const assetPath = (key: string): string => {
        throw new Error(`no asset ${key}`);
      };
      return make({ logicalId, stackName: 'sealpost', properties, assetPath });
    },
    async restart() {
      await provider.cloud.stop();
      provider.cloud = await startCloud({ directory, services: Object.values(services) });
    },
    async stop() {
      await provider.cloud.stop();
      await rm(directory, { recursive: true });
    },
  };
  return provider;
}

export const allow = (action: string | string[], resource: string | string[], condition?: object) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
  ...(condition && { Condition: condition }),
});
