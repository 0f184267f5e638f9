/**
 * The only place that combines the implementations of core's interfaces. Each function calls for
 * what it needs at its first invocation, and the bundler leaves the rest out. A missing setting
 * causes an error that names the setting.
 */
import { ACMClient } from '@aws-sdk/client-acm';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { Route53Client } from '@aws-sdk/client-route-53';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SSMClient } from '@aws-sdk/client-ssm';
import { certificateManager } from '../aws/acm.ts';
import { auditBy } from '../aws/audits.ts';
import { bus as busOn } from '../aws/bus.ts';
import { counted } from '../aws/counted.ts';
import { commands as commandsBy, sendingCommands as sendingBy } from '../aws/commands.ts';
import { executions as executionsOf } from '../aws/executions.ts';
import { composed, type Composed, type ItemsOf } from '../aws/composed.ts';
import { certificateObjects, deliveryObjects, s3Client } from '../aws/objects.ts';
import { roles as rolesBy } from '../aws/roles.ts';
import { secrets as secretsOf } from '../aws/secrets.ts';
import { metricsOf } from '../aws/metric.ts';
import { Table } from '../aws/table.ts';
import { patience } from '../aws/throttling.ts';
import { zones as zonesOf } from '../aws/zones.ts';
import { parseIssuers } from '../core/acme/issuer.ts';
import type { Clock } from '../core/clock.ts';
import { systemResolver } from '../core/dns/authoritative.ts';
import { parseQuietHours, type QuietHours } from '../core/work/quiet.ts';
import document from '../install/document.json' with { type: 'json' };
import type { AcmQuotas } from '../core/record/acm.ts';

/** @throws Error that names the setting */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`the environment has no ${name}; see lib/functions.ts and lib/settings.ts`);
  return value;
}

export const clock: Clock = {
  now: () => Date.now(),
  sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
};

/** A value is made at its first use and kept for the life of the process. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const table = /* @__PURE__ */ once(() => new Table(new DynamoDBClient(patience), setting('TABLE')));
/** The aggregates that a function names; the bundler leaves the others out. */
export const storeOf = <const M extends readonly ItemsOf[]>(...items: M): Composed<M> => composed(table(), items);
const s3 = /* @__PURE__ */ once(s3Client);
export const certificates = /* @__PURE__ */ once(() => certificateObjects(s3(), setting('CERTIFICATE_BUCKET')));
export const deliveries = /* @__PURE__ */ once(() => deliveryObjects(s3(), setting('DELIVERY_BUCKET')));
export const zones = /* @__PURE__ */ once(() => zonesOf(new Route53Client(patience), clock.now));
/** The bus has the name of the deployment, which is the metrics' other dimension. */
export const bus = /* @__PURE__ */ once(() => {
  const name = setting('BUS');
  return counted(busOn(new EventBridgeClient(patience), name), metricsOf(name, clock));
});
export const audits = /* @__PURE__ */ once(() => {
  const lambda = new LambdaClient(patience);
  return (request: { server: string; by: 'the outside check' }) =>
    auditBy(lambda, { stack: setting('STACK'), ...request });
});
export const metrics = /* @__PURE__ */ once(() => metricsOf(setting('STACK'), clock));
export const acm = /* @__PURE__ */ once(() => {
  const firstImports = new ACMClient({ ...patience, maxAttempts: 1 });
  return certificateManager({ acm: new ACMClient(patience), firstImports }, setting('STACK'));
});
export const roles = /* @__PURE__ */ once(() => rolesBy(new IAMClient(patience)));
export const secrets = /* @__PURE__ */ once(() => secretsOf(new SSMClient(patience), setting('KEY')));
export const commands = /* @__PURE__ */ once(() => commandsBy(new SSMClient(patience), mailServerTag()));
/**
 * The content of the SSM document comes from the bundle, because it would fill most of the 4 KB
 * that the environment of a function may have.
 */
export const sendingCommands = /* @__PURE__ */ once(() => {
  const content = JSON.stringify(document).replaceAll('{DeliveryBucketUrl}', setting('DELIVERY_BUCKET_URL'));
  return sendingBy(new SSMClient(patience), mailServerTag(), { name: setting('DOCUMENT'), content });
});
export const executions = /* @__PURE__ */ once(() =>
  executionsOf(new SFNClient(patience), {
    'secure-domain': setting('SECURE_DOMAIN'),
    'deliver-to-server': setting('DELIVER_TO_SERVER'),
  }),
);

/** The tag that makes a managed node a mail server of this stack. */
export function mailServerTag(): { key: string; value: string } {
  return { key: 'sealpost:mail-server', value: setting('STACK') };
}

/** The resolver for every DNS query; the runtime's own resolver if the setting is empty. */
export const dns = /* @__PURE__ */ once(() =>
  systemResolver(
    setting('RESOLVERS')
      .split(',')
      .filter(address => address !== ''),
  ),
);

/** PEM roots, trusted in addition to the runtime's own. */
export const roots = (): string => setting('ROOTS');

/** The issuers that the stack may ask for certificates, in order. */
export const issuers = /* @__PURE__ */ once(() =>
  parseIssuers(setting('ISSUERS'), {
    contact: setting('ACME_CONTACT')
      .split(',')
      .filter(contact => contact !== ''),
    termsAgreed: setting('ACME_TERMS_AGREED') === 'yes',
    roots: roots(),
    userAgent: 'sealpost/0.1 (+acme-client/5.4.0)',
    parameters: setting('ISSUER_PARAMETERS'),
  }),
);

/** The quotas of the account, as the settings give them. */
export const acmQuotas = (): AcmQuotas => ({
  certificates: Number(setting('ACM_CERTIFICATES')),
  importsAYear: Number(setting('ACM_IMPORTS_A_YEAR')),
});

/** When calm work is delivered. */
export const quietHours = (): QuietHours => parseQuietHours(setting('QUIET_HOURS'));

/** The longest time between two questions about a certificate's renewal window. */
export const renewalInfoMs = (): number => Number(setting('RENEWAL_INFO_MINUTES')) * 60_000;
