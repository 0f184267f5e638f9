/** IAM roles in memory. */
import type { Roles } from '../../core/ports/roles.ts';

export function memoryRoles(roles: Record<string, { roleId: string; trusted: string[] }>): Roles {
  return {
    role: async name => roles[name],
  };
}
