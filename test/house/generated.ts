/**
 * `npm run generate`: writes every file that is made from the code. test/house/generated.test.ts
 * fails while one of these files is stale.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { apiPage } from './api-page.ts';
import { withCommands } from './command-list.ts';
import { definitions } from './definitions.ts';
import { eventFiles } from './event-pages.ts';
import { failuresPage } from '../failures/rows/table.ts';
import { firstAccountPage } from './first-account-page.ts';
import { rightsPage } from './rights-page.ts';
import { settingsPage } from './settings-page.ts';
import { checkout, files } from './sources.ts';
import { zooPage } from './zoo-page.ts';

/** Folders in which every file is generated. */
const FOLDERS = ['docs/events/'];

/** @returns path → content */
export async function generated(): Promise<Map<string, string>> {
  const pages = [...(await eventFiles()), ...(await settingsPage()), ...(await zooPage()), ...(await apiPage())];
  const failures: [string, string][] = [['docs/failures.md', failuresPage()]];
  return new Map([
    ...pages,
    ...withCommands(),
    ...definitions(),
    ...firstAccountPage(),
    ...failures,
    ...(await rightsPage()),
  ]);
}

/** Files that were generated once, and are not any more. */
export function left(wanted: Map<string, string>): string[] {
  return files.filter(path => FOLDERS.some(folder => path.startsWith(folder)) && !wanted.has(path));
}

if (import.meta.main) {
  const wanted = await generated();
  for (const path of left(wanted)) rmSync(join(checkout, path));
  for (const [path, content] of wanted) {
    mkdirSync(join(checkout, dirname(path)), { recursive: true });
    writeFileSync(join(checkout, path), content);
  }
  console.log(`${wanted.size} files are up to date`);
}
