/** IAM roles in memory. */
import type { Roles } from '../../core/ports.ts';

export function memoryRoles(roles: Record<string, { roleId: string; trusted: string[] }>): Roles {
  return {
    async role(name) {
      const role = roles[name];
      if (!role) throw new Error(`there is no role ${name}`);
      return role;
    },
  };
}
