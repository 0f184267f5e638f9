/**
 * An account of its own for a test file: the stand-in on a free port, real SDK clients, roles with
 * chosen rights.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCloud, type CloudOptions, type RunningCloud } from './cloud.ts';
import type { LocalIam } from './iam/local-iam.ts';
import type { Caller, Resource, ServiceFactory } from './service/service.ts';
import { factories, type ServiceName } from './services.ts';

export { contextOf, Policy } from './iam/policy.ts';
export type { Decision } from './iam/recorded-decisions.ts';
export { AwsError, type ServiceFactory } from './service/service.ts';
export { factories } from './services.ts';

/** A minute of AWS's own waits is a second here. */
const PACE = 60;

export interface Account {
  cloud: RunningCloud;
  directory: string;
  /** A client of the account's administrator, or of a new role with exactly these statements. */
  client<T>(Client: new (config: any) => T, statements?: object[]): T;
  caller(client: { config: any }): Promise<Caller>;
  make(type: string, logicalId: string, properties: object): Promise<Resource>;
  /** Stops and starts again in the same folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param names the services that the test needs
 * @param others services of the test's own, each in the place of the one of its name
 * @param options.faults what AWS does now and then; the clients then make three attempts
 */
export async function startAccount(
  names: readonly ServiceName[],
  others: Partial<Record<ServiceName, ServiceFactory>> = {},
  options: Pick<CloudOptions, 'faults'> = {},
): Promise<Account> {
  const directory = await mkdtemp(join(tmpdir(), 'aws-stand-in-'));
  const services = await factories(names, others);
  let roles = 0;
  const account: Account = {
    cloud: await startCloud({ directory, services, pace: PACE, ...options }),
    directory,
    client(Client, statements) {
      const { iam, endpoint, region } = account.cloud;
      let credentials = iam.rootCredentials();
      if (statements) {
        const trust = { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' };
        const role = iam.putRole(`role${(roles += 1)}`, { Version: '2012-10-17', Statement: [trust] }, [
          { Version: '2012-10-17', Statement: statements },
        ]);
        credentials = iam.credentials(role.arn, 'session');
      }
      // Where faults happen, a client does what an SDK does by itself: three attempts.
      const maxAttempts = options.faults ? 3 : 1;
      return new Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts });
    },
    async caller(client) {
      const { accessKeyId } = await client.config.credentials();
      return (account.cloud.iam as LocalIam).caller(accessKeyId)!.caller;
    },
    async make(type, logicalId, properties) {
      const offered = [...names, ...Object.keys(others)].map(name => account.cloud.service(name).resources?.[type]);
      const make = offered.find(Boolean)!;
      const assetPath = (key: string): string => {
        throw new Error(`no asset ${key}`);
      };
      return make({ logicalId, stackName: 'sealpost', properties, assetPath });
    },
    async restart() {
      await account.cloud.stop();
      account.cloud = await startCloud({ directory, services, pace: PACE, ...options });
    },
    async stop() {
      await account.cloud.stop();
      await rm(directory, { recursive: true });
    },
  };
  return account;
}

export const allow = (action: string | string[], resource: string | string[], condition?: object) => ({
  Effect: 'Allow',
  Action: action,
  Resource: resource,
  ...(condition && { Condition: condition }),
});
