/**
 * GetHostedZoneLimit: AWS's default quota. It is told, and not kept, because the stand-in has no
 * quotas.
 */
import { AwsError } from '../service/service.ts';

const RECORD_SETS_IN_ZONE = 10_000;

export function limitOf(Type: string, Count: number) {
  if (Type !== 'MAX_RRSETS_BY_ZONE')
    throw new AwsError('HostedZoneNotPrivate', 'The specified hosted zone is a public hosted zone.');
  return { Limit: { Type, Value: RECORD_SETS_IN_ZONE }, Count };
}
