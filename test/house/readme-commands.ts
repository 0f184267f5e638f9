/** Each command line that the README shows (in a block marked `sh`), and the test that runs it. */
export const runBy: Record<string, string> = {
  'npm start': 'test/road/start.test.ts',
  // Whoever reads this result has run it.
  'npm test': 'itself',
};
