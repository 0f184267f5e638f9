/** IAM, as the product uses it. */
export interface Roles {
  /**
   * @returns the role's unique id, and the service names and ARNs that may assume it; undefined if
   *   there is no such role
   */
  role(name: string): Promise<{ roleId: string; trusted: string[] } | undefined>;
}
