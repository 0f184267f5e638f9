import { AwsError } from './service.ts';

/**
 * Refuses (501) every member of `given` that is set and not in `known`. An ignored parameter would
 * behave differently on AWS, and nobody would notice before the deployment.
 */
export function refuseOthers(what: string, given: object | undefined, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined || known.includes(name)) continue;
    throw new AwsError('NotImplemented', `${what}: ${name} is not part of the stand-in`, { status: 501 });
  }
}

/** Refuses (501) a value that is not supported here. */
export function refuse(what: string): never {
  throw new AwsError('NotImplemented', `${what} is not part of the stand-in`, { status: 501 });
}
