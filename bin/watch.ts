/** `sealpost watch`: the running executions, until q or Ctrl-C. */
import type { Answer, Here } from './here.ts';
import { follow } from './follow.ts';
import { openScreen } from './screen.ts';

/** A read costs one call for each running execution. */
const READ_EVERY_MS = 1_000;

/** Returns when a person types q or Ctrl-C, or a signal comes. */
export async function watch(here: Here): Promise<Answer> {
  const { road } = await here.environment();
  const screen = openScreen(process.stdout, process.env);
  if (screen.live && !here.isQuiet) screen.print('The running executions of sealpost; q ends it.');
  const { stop, failed } = follow(road(), screen, READ_EVERY_MS);
  try {
    await Promise.race([untilQuit(process.stdin), failed]);
  } finally {
    await stop();
  }
  return { text: '', isWell: true };
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
      // In raw mode, Ctrl-C is a character.
      if (/[qQ\x03\x04]/.test(String(keys))) quit();
    });
  });
}
