import { AwsError } from './service.ts';

/**
 * Refuses (501) every member of `given` that is set and not in `known`. A parameter that is ignored here would behave
 * differently on AWS, and nobody would notice before it is deployed.
 */
export function refuseOthers(what: string, given: object | undefined, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined || known.includes(name)) continue;
    throw new AwsError('NotImplemented', `${what}: ${name} is not part of the local provider`, { status: 501 });
  }
}

/** Refuses (501) a value that the local provider does not support. */
export function refuse(what: string): never {
  throw new AwsError('NotImplemented', `${what} is not part of the local provider`, { status: 501 });
}
