/** The road of this machine's provider, shown as `sealpost watch` shows it. */
import type { SFNClient } from '@aws-sdk/client-sfn';
import { road } from '../aws/road.ts';
import { follow as followRoad } from '../bin/follow.ts';
import { openScreen, type Screen } from '../bin/screen.ts';
import { STACK } from './provider/provider.ts';

/** The stand-in runs on this machine and counts no calls, so the interval can be short. */
const READ_EVERY_MS = 300;

/**
 * @param report prints a line, on `screen` if there is one
 * @param screen a picture at the foot of the screen; without it, each step is a plain line
 * @returns a function that ends the following
 */
export function follow(client: SFNClient, report: (line: string) => void, screen?: Screen): () => Promise<void> {
  const plain = openScreen({ write: () => true, isTTY: false, columns: 80, rows: 24 }, {});
  const on: Screen = { ...(screen ?? plain), print: report };
  const { stop, failed } = followRoad(road(client, STACK, Date.now()), on, READ_EVERY_MS);
  failed.catch((error: Error) => report(`  (the road is no longer shown: ${error.message})`));
  return stop;
}
