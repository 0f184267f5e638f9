/** SecureString parameters of Systems Manager's Parameter Store, as the product uses them. */
export interface Secrets {
  read(name: string): Promise<string | undefined>;
  /**
   * Creates the parameter unless there is one.
   * @returns the value that is stored: the given one, or the one that was there first
   */
  createOnce(parameter: { name: string; value: string }): Promise<string>;
}
