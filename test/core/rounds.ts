/** Rounds of deliver-to-server in a test, as the state machine runs them. */
import { assembleDelivery } from '../../core/deliver-to-server/assemble-delivery.ts';
import { recordDelivery } from '../../core/deliver-to-server/record-delivery.ts';
import { releaseServer } from '../../core/deliver-to-server/release-server.ts';
import { sendDelivery } from '../../core/deliver-to-server/send-delivery.ts';
import { isEnded } from '../../core/ended.ts';
import type { World } from './world.ts';

/**
 * Runs round after round against a server that serves, or removes, all that it is sent.
 * @param at.facts what each inspection prints, one fact for each line
 * @returns what each round delivered, as `install 3`
 */
export async function deliver(world: World, at: { server: string; execution: string; facts?: string }) {
  const { server, execution, facts = '' } = at;
  const rounds: string[] = [];
  for (;;) {
    const assembled = await assembleDelivery({ server, execution }, { ...world, roots: '' });
    if (!isEnded(assembled)) {
      const { hash, seq, mode, entries } = assembled.delivery;
      rounds.push(`${mode} ${entries}`);
      await sendDelivery({ ...assembled, execution, token: `token ${seq}` }, world);
      const { id } = world.commands.sent.at(-1)!;
      const letters = (await world.deliveries.readManifest(hash)).map(({ certificate }) => (certificate ? 's' : 'd'));
      const answer = {
        inspect: `inspected\n${facts}`,
        install: `installed\n${letters.join('')}\n`,
        verify: 'verified\n',
      };
      world.commands.answer(id, `sealpost ${hash} ${seq} ${answer[mode]}`);
      await recordDelivery({ ...assembled, execution, commandId: id }, world);
    }
    const released = await releaseServer({ server, execution, rounds: rounds.length }, world);
    if (!isEnded(released)) return rounds;
  }
}
