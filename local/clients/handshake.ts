/** A handshake as a customer's program makes it: it trusts the CA's roots alone. */
import { handshake as shake, trusting, type Look, type Seen } from '../../core/audit/handshake.ts';

export type { Seen };

/** @param look.roots PEM */
export function handshake({ roots, ...look }: Omit<Look, 'trust'> & { roots: string }): Promise<Seen> {
  return shake({ ...look, trust: trusting(roots) });
}
