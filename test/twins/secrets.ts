/** SecureString parameters in memory. */
import type { Secrets } from '../../core/ports/secrets.ts';

export function memorySecrets(): Secrets {
  const values = new Map<string, string>();
  return {
    async read(name) {
      return values.get(name);
    },
    async createOnce({ name, value }) {
      if (!values.has(name)) values.set(name, value);
      return values.get(name)!;
    },
  };
}
