/** A certificate authority as we are its customer. */
export interface Issuer {
  directoryUrl: string;
  /** `mailto:…` addresses; the CA may want none. */
  contact: string[];
  /** A person has read the CA's terms and said so at deploy. */
  termsAgreed: boolean;
  /** PEM roots trusted beside the runtime's own. */
  roots: string;
  userAgent: string;
  /** Where the account's key lies; an existing key can be brought by putting it there first. */
  keyParameter: string;
}
