/** The only file of bin/ that puts adapters together: the stack, by the standard AWS environment and profiles. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import { auditBy } from '../aws/audits.ts';
import { deployed, settingOf, type Deployed } from '../aws/deployed.ts';
import { store as storeOn } from '../aws/store.ts';
import { knownItems } from '../aws/known-items.ts';
import { certificateObjects, s3Client } from '../aws/objects.ts';
import { renewBy } from '../aws/renewals.ts';
import { road } from '../aws/road.ts';
import { parseIssuers } from '../core/acme/issuer.ts';
import { systemResolver } from '../core/dns/authoritative.ts';
import { Table } from '../aws/table.ts';
import type { Common, Environment } from './here.ts';
import { seenServed } from './served.ts';
import { liveLook } from './settings.ts';

/** @param settings SEALPOST_TABLE saves the question which table the stack has */
export function environment({ stack }: Pick<Common, 'stack'>, settings: NodeJS.ProcessEnv): Environment {
  let asked: Promise<Deployed> | undefined;
  const ask = () => (asked ??= deployed(new LambdaClient(), stack));
  return {
    store: async () => knownItems(new DynamoDBClient(), settings.SEALPOST_TABLE ?? (await ask()).table),
    challengeZone: async () => (await ask()).challengeZone,
    look: async () => {
      const { resolvers, roots } = await ask();
      const addresses = resolvers.split(',').filter(address => address !== '');
      return liveLook(systemResolver(addresses), roots);
    },
    road: () => road(new SFNClient(), stack, Date.now()),
    elsewhere: async () => {
      const client = new LambdaClient();
      const [{ table, roots }, bucket] = await Promise.all([
        ask(),
        settingOf(client, stack, 'finalize-order', 'CERTIFICATE_BUCKET'),
      ]);
      const store = storeOn(new Table(new DynamoDBClient(), settings.SEALPOST_TABLE ?? table));
      return { store, certificates: certificateObjects(s3Client(), bucket), roots };
    },
    importing: async () => {
      const { table, issuers, roots, resolvers } = await ask();
      const store = storeOn(new Table(new DynamoDBClient(), settings.SEALPOST_TABLE ?? table));
      const nobody = { contact: [], termsAgreed: true, roots, userAgent: 'sealpost', parameters: '' };
      return {
        store,
        issuer: parseIssuers(issuers, nobody)[0]!,
        seen: wish => seenServed(wish, { roots, resolvers }, Date.now()),
      };
    },
    renew: request => renewBy(new LambdaClient(), stack, request),
    audit: server => auditBy(new LambdaClient(), stack, server),
  };
}
