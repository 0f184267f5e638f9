/** statemachines/X.asl.json for each state machine, as statemachines/X.ts declares it. */
import { draw } from '../../statemachines/draw.ts';
import { machines } from '../../statemachines/machines.ts';

/** @returns by path from the checkout, what each definition has to say */
export function definitions(): Map<string, string> {
  return new Map(machines.map(machine => [`statemachines/${machine.name}.asl.json`, text(draw(machine))]));
}

/** Each entry of a Retry or a Catch takes one line, so that what a state does stands out. */
function text(definition: object): string {
  const entries: string[] = [];
  const spread = JSON.stringify(
    definition,
    (name, value) =>
      name === 'Retry' || name === 'Catch'
        ? value.map((entry: object) => `entry ${entries.push(spaced(entry)) - 1}`)
        : value,
    2,
  );
  return `${spread.replace(/"entry (\d+)"/g, (_, i: string) => entries[Number(i)]!)}\n`;
}

function spaced(entry: object): string {
  return JSON.stringify(entry, null, 1)
    .replace(/\n */g, ' ')
    .replace(/\[ | \]/g, bracket => bracket.trim());
}
