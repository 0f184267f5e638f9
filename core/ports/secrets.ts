/** Systems Manager's Parameter Store, as the product uses it. */
/** SecureString parameters. */
export interface Secrets {
  read(name: string): Promise<string | undefined>;
  /** @returns the value that is stored: the given one, or the one that was there first */
  createOnce(parameter: { name: string; value: string }): Promise<string>;
}
