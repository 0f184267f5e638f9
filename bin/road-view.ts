/** The picture of running executions that `sealpost watch` draws. */
import { showDomain } from '../core/certificate/names.ts';
import type { RoadEvent } from '../core/ports/road.ts';

export interface Line {
  text: string;
  tone?: 'good' | 'bad' | 'faint';
}

interface Walk extends RoadEvent {
  begun: number;
}

/** Running executions, and below them those that ended last. */
export class RoadView {
  readonly #walking = new Map<string, Walk>();
  readonly #ended: Walk[] = [];
  #done = 0;
  #failed = 0;

  add(event: RoadEvent): void {
    const before = this.#walking.get(event.execution);
    const walk: Walk = { ...before, ...event, begun: before?.begun ?? event.at };
    if (event.end === undefined) {
      this.#walking.set(event.execution, walk);
      return;
    }
    this.#walking.delete(event.execution);
    this.#ended.unshift(walk);
    // A screen shows a few dozen lines.
    this.#ended.splice(50);
    if (event.end === 'done') this.#done++;
    else this.#failed++;
  }

  /** @param screen.rows two at least */
  lines({ now, rows }: { now: number; rows: number }): Line[] {
    const walking = [...this.#walking.values()];
    const head = `${walking.length} on the road, ${this.#done} done${this.#failed > 0 ? `, ${this.#failed} ended otherwise` : ''}`;
    const room = rows - 1;
    const shown = walking.slice(0, walking.length > room ? room - 1 : room);
    const more = walking.length - shown.length;
    return [
      { text: head, tone: 'faint' },
      ...shown.map(walk => ({ text: `${who(walk)} ${walk.state}, ${seconds(now - walk.at)}${carried(walk)}` })),
      ...(more > 0 ? [{ text: `… and ${more} more`, tone: 'faint' as const }] : []),
      ...(more > 0 ? [] : this.#ended.slice(0, room - shown.length).map(ending)),
    ];
  }
}

/** @returns the line for output that is no terminal; undefined for an event without news */
export function roadLine(event: RoadEvent): string | undefined {
  if (event.state !== undefined) return `${who(event)} ${event.state}`;
  if (event.end === undefined || event.end === 'done') return undefined;
  return `${who(event)} ${event.end}: ${trouble(event)}`;
}

function ending(walk: Walk): Line {
  const took = seconds(walk.at - walk.begun);
  return walk.end === 'done'
    ? { text: `${who(walk)} done in ${took}${carried(walk)}`, tone: 'good' }
    : { text: `${who(walk)} ${walk.end}: ${trouble(walk)}`, tone: 'bad' };
}

function who({ subject, machine }: RoadEvent): string {
  return `${showDomain(subject).padEnd(24)} ${machine.padEnd(18)}`;
}

function carried({ delivery }: RoadEvent): string {
  return delivery ? ` (delivery ${delivery.seq}: ${delivery.mode}, ${delivery.entries} in it)` : '';
}

function trouble({ error = '', cause = '' }: RoadEvent): string {
  return `${error} ${cause}`.replace(/\s+/g, ' ').trim();
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
