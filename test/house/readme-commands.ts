/** Each command line that the README shows (in a block marked `sh`), and the test that runs it. */
export const runBy: Record<string, string> = {
  'npm start': 'test/road/start.test.ts',
  // Whoever reads this result has run it.
  'npm test': 'itself',
  'npm run local -- up': 'test/local/visitor.test.ts',
  'npm run local -- status': 'test/local/visitor.test.ts',
  'npm run local -- down': 'test/local/visitor.test.ts',
  'npx sealpost status': 'test/bin/sealpost.test.ts',
  'npx sealpost dns example.com': 'test/bin/sealpost.test.ts',
  'npx sealpost watch': 'test/bin/sealpost.test.ts',
};
