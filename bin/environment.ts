/** The only file of bin/ that makes clients of AWS. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { auditBy } from '../aws/audits.ts';
import { deployed, resourcesOf, settingOf, type Deployed } from '../aws/deployed.ts';
import { store as storeOn } from '../aws/store.ts';
import { knownItems } from '../aws/known-items.ts';
import { certificateObjects } from '../aws/objects.ts';
import { renewBy } from '../aws/renewals.ts';
import { road } from '../aws/road.ts';
import { patience } from '../aws/throttling.ts';
import { parseIssuers } from '../core/acme/issuer.ts';
import { systemResolver } from '../core/dns/authoritative.ts';
import { Table } from '../aws/table.ts';
import { putWish } from '../aws/wishes.ts';
import { readDirectory } from './doctor-stack.ts';
import type { Common, Environment } from './here.ts';
import { seenServed } from './served.ts';
import { liveLook } from './settings.ts';

/** The SDK warns of access keys in the environment beside a profile; `--profile` is no accident. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** The longest time of such a function, and of its start, in milliseconds. */
const LATE_MS = 130_000;
/** A function that a person's command invokes answers when its work is done. */
const answeredLate = {
  requestHandler: { ...patience.requestHandler, requestTimeout: LATE_MS, socketTimeout: LATE_MS },
};

/**
 * @param given for each client of AWS, its region and profile come before the environment's
 * @param settings SEALPOST_TABLE, if set, names the table without a call of AWS
 */
export function environment(
  { stack, region, profile }: Pick<Common, 'stack' | 'region' | 'profile'>,
  settings: NodeJS.ProcessEnv,
): Environment {
  const access = {
    ...patience,
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile, logger: SILENT }),
  };
  let asked: Promise<Deployed> | undefined;
  const ask = () => (asked ??= deployed(new LambdaClient(access), stack));
  return {
    store: async () => knownItems(new DynamoDBClient(access), settings.SEALPOST_TABLE ?? (await ask()).table),
    challengeZone: async () => (await ask()).challengeZone,
    look: async () => {
      const { resolvers, roots } = await ask();
      const addresses = resolvers.split(',').filter(address => address !== '');
      return liveLook(systemResolver(addresses), roots);
    },
    road: () => road(new SFNClient(access), stack, Date.now()),
    elsewhere: async () => {
      const client = new LambdaClient(access);
      const [{ table, roots }, bucket] = await Promise.all([
        ask(),
        settingOf(client, { stack, step: 'finalize-order', name: 'CERTIFICATE_BUCKET' }),
      ]);
      const store = storeOn(new Table(new DynamoDBClient(access), settings.SEALPOST_TABLE ?? table));
      // As aws/objects.ts: the local provider has no host name for each bucket.
      const objects = new S3Client({ ...access, forcePathStyle: settings.AWS_ENDPOINT_URL !== undefined });
      return { store, certificates: certificateObjects(objects, bucket), roots };
    },
    importing: async () => {
      const { table, issuers, roots, resolvers } = await ask();
      const store = storeOn(new Table(new DynamoDBClient(access), settings.SEALPOST_TABLE ?? table));
      const nobody = { contact: [], termsAgreed: true, roots, userAgent: 'sealpost', parameters: '' };
      return {
        store,
        issuer: parseIssuers(issuers, nobody)[0]!,
        seen: wish => seenServed(wish, { roots, resolvers }, Date.now()),
      };
    },
    tell: async event => {
      await ask();
      return putWish(new EventBridgeClient(access), { bus: stack, ...event });
    },
    surroundings: async () => {
      const { table, challengeZone, issuers, roots, resolvers } = await ask();
      const known = knownItems(new DynamoDBClient(access), settings.SEALPOST_TABLE ?? table);
      const nobody = { contact: [], termsAgreed: true, roots, userAgent: 'sealpost', parameters: '' };
      return {
        challengeZone,
        dns: systemResolver(resolvers.split(',').filter(address => address !== '')),
        issuers: parseIssuers(issuers, nobody),
        directory: url => readDirectory(url, { roots }),
        known: await known.all(),
      };
    },
    resources: () => resourcesOf(new LambdaClient(access), stack),
    renew: request => renewBy(new LambdaClient({ ...access, ...answeredLate }), stack, request),
    audit: server => auditBy(new LambdaClient({ ...access, ...answeredLate }), { stack, server }),
  };
}
