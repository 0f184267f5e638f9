import { expect, test } from 'vitest';
import { generated, left } from './generated.ts';
import { files, read } from './sources.ts';

test('every generated file is as the code makes it (npm run generate)', async () => {
  const wanted = await generated();
  expect(left(wanted)).toEqual([]);
  for (const [path, content] of wanted) {
    expect(files).toContain(path);
    expect(read(path), path).toBe(content);
  }
});
