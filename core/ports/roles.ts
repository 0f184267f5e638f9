/** IAM, as the product uses it. */
export interface Roles {
  /** @returns the role's unique id and who may assume it (service names and ARNs); undefined when there is no such role */
  role(name: string): Promise<{ roleId: string; trusted: string[] } | undefined>;
}
