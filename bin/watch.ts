/** `sealpost watch`: the running road, until q or Ctrl-C. */
import type { Road } from '../core/ports/road.ts';
import { follow } from './follow.ts';
import type { Screen } from './screen.ts';

/** A look costs a call for each execution that runs. */
const LOOK_EVERY_MS = 1_000;

/** Returns when a person has had enough. */
export async function watch(road: Road, screen: Screen, stdin: NodeJS.ReadStream): Promise<void> {
  if (screen.live) screen.print('The running road of sealpost; q ends it.');
  const { stop, failed } = follow(road, screen, LOOK_EVERY_MS);
  try {
    await Promise.race([untilQuit(stdin), failed]);
  } finally {
    await stop();
  }
}

function untilQuit(stdin: NodeJS.ReadStream): Promise<void> {
  return new Promise(resolve => {
    const quit = () => {
      process.off('SIGINT', quit).off('SIGTERM', quit);
      if (stdin.isTTY) stdin.setRawMode(false).pause();
      resolve();
    };
    process.on('SIGINT', quit).on('SIGTERM', quit);
    if (!stdin.isTTY) return;
    stdin.setRawMode(true).on('data', keys => {
      // Raw mode hands on Ctrl-C as a character.
      if (/[qQ\x03\x04]/.test(String(keys))) quit();
    });
  });
}
