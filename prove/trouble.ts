/** An error before the first step, in one sentence with its remedy. */
import { explain as explainUsual } from '../bin/trouble.ts';
import { Refusal } from '../bin/refusal.ts';

const DENIED = /^AccessDenied(Exception)?$|^UnauthorizedOperation$/;
const QUOTA = /LimitExceeded|QuotaExceeded|^TooMany(?!Requests)/;

export function explain(error: unknown, asked: { stack: string; profile?: string }): Refusal {
  if (!(error instanceof Error) || error instanceof Refusal) return explainUsual(error, asked);
  const { name, message } = error;
  const refusal = (given: { name: string; message: string; remedy: string }) => new Refusal({ ...given, exitCode: 3 });
  const host = hostNotFound(error);
  if (host !== undefined)
    return refusal({
      ...{ name: 'NoEndpoint', message: `There is no host ${host}: this region does not have the service.` },
      remedy: 'Choose a region that has every service of the stack, with --region or AWS_REGION.',
    });
  if (DENIED.test(name)) {
    const [, who = 'The caller', what = 'this'] = /User: (\S+) is not authorized to perform: (\S+)/.exec(message) ?? [];
    const remedy = 'Attach what npm run prove -- --policy prints.';
    return refusal({ name: 'MissingRight', message: `${who} may not ${what}.`, remedy });
  }
  if (QUOTA.test(name))
    return refusal({
      ...{ name: 'QuotaReached', message: `A quota is at its end (${name}): ${message}` },
      remedy: 'Have the quota raised (Service Quotas), or remove what nobody needs.',
    });
  return explainUsual(error, asked);
}

function hostNotFound(error: Error): string | undefined {
  const { code, hostname } = error as Error & { code?: string; hostname?: string };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return hostname ?? error.message;
  return error.cause instanceof Error ? hostNotFound(error.cause) : undefined;
}
