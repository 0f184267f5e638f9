/**
 * The services by their names, in the order in which they start: a service comes after those that
 * it uses. Each brings its SDK client with it, so it is imported only when somebody asks for it.
 */
import type { ServiceFactory } from './service/service.ts';

const loaders = {
  kms: async () => (await import('./kms/kms.ts')).kms,
  s3: async () => (await import('./s3/s3.ts')).s3,
  dynamodb: async () => (await import('./dynamodb/dynamodb.ts')).dynamodb,
  sqs: async () => (await import('./sqs/sqs.ts')).sqs,
  sns: async () => (await import('./sns/sns.ts')).sns,
  logs: async () => (await import('./logs/logs.ts')).logs,
  lambda: async () => (await import('./lambda/lambda.ts')).lambda,
  states: async () => (await import('./states/states.ts')).states,
  events: async () => (await import('./events/events.ts')).events,
  scheduler: async () => (await import('./scheduler/scheduler.ts')).scheduler,
  ssm: async () => (await import('./ssm/ssm.ts')).ssm,
  acm: async () => (await import('./acm/acm.ts')).acm,
  route53: async () => (await import('./route53/route53.ts')).route53,
} satisfies Record<string, () => Promise<ServiceFactory>>;

/** IAM and STS are always there and not in this list. */
export type ServiceName = keyof typeof loaders;

export const everyService = Object.keys(loaders) as ServiceName[];

/** @param others factories that take the place of the service of the same name */
export async function factories(
  names: readonly ServiceName[],
  others: Partial<Record<ServiceName, ServiceFactory>> = {},
): Promise<ServiceFactory[]> {
  const wanted = everyService.filter(name => names.includes(name) || others[name]);
  return Promise.all(wanted.map(async name => others[name] ?? loaders[name]()));
}
