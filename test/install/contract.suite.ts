/**
 * What every adapter must do: one story on one real host, judged by what SNI serves. A test file
 * calls this with the adapters of its host, and is named RELEASE-ADAPTER-….test.ts after them. What
 * an adapter cannot do it must refuse with its reason. docs/servers/adding-one.md
 */

import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { beforeAdoption } from './contract.before-adoption.ts';
import { disturbed } from './contract.disturbed.ts';
import { givenBack } from './contract.given-back.ts';
import { served } from './contract.served.ts';
import { Story, type TestedKind } from './contract.story.ts';
import { strangers } from './contract.strangers.ts';

export function contract(kind: TestedKind): void {
  const story = new Story(kind);
  vi.setConfig({ testTimeout: 60_000 });
  beforeAll(() => story.begin(), 600_000);
  afterAll(() => story.mail?.stop());

  it('the file is called after its host, so that npm test fetches that first', () => {
    const name = [kind.release, ...kind.adapters.map(adapter => adapter.name)].join('-');
    expect(basename(expect.getState().testPath!)).toBe(`${name}.test.ts`);
  });
  beforeAdoption(story);
  describe('adopted', () => {
    served(story);
    disturbed(story);
    strangers(story);
  });
  givenBack(story);
}
