/** The functions' names, apart from CDK: the bundler, the table of rights and the tests spell everything else from them. */

/** In the order of the road. */
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

/** `PublishChallenges` → `publish-challenges`: one step, one name, spelt by derivation. */
export function kebab(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
}
