/**
 * The functions' names, without an import of CDK. The bundler, lib/functions.ts and the tests
 * derive every other name from them.
 */

/** In the order in which a domain meets them. */
export const functionNames = [
  'RegisterServer',
  'ClaimDomain',
  'CreateOrder',
  'PublishChallenges',
  'Validate',
  'FinalizeOrder',
  'ReleaseDomain',
  'ImportToAcm',
  'RevokeCertificate',
  'ParkDomain',
  'AssembleDelivery',
  'SendDelivery',
  'RecordDelivery',
  'ReleaseServer',
  'OnCommandStatus',
  'OnAcmExpiry',
  'Sweep',
  'ReadRenewalInfo',
  'Renew',
  'LookFromOutside',
  'Audit',
] as const;
export type FunctionName = (typeof functionNames)[number];

/** `PublishChallenges` → `publish-challenges`. */
export function kebab(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
}
