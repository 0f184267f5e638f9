/** Each command line that the README shows (in a block marked `sh`), and the test that runs it. */
export const runBy: Record<string, string> = {
  'npm start': 'test/road/start.test.ts',
  // Whoever reads this result has run it.
  'npm test': 'itself',
  'npm run local -- up': 'test/road/visit.test.ts',
  'npm run local -- status': 'test/road/visit.test.ts',
  'npm run local -- down': 'test/road/visit.test.ts',
  'npm run prove -- --node "$SEALPOST_NODE_MX1" --server mx1.provider.test --zone provider.test --yes':
    'test/road/visit.test.ts',
  'sealpost status': 'test/road/visit.test.ts',
  'sealpost status example.com': 'test/road/elsewhere.ts',
  'sealpost dns example.com': 'test/road/visit.test.ts',
  'sealpost renew example.com': 'test/road/elsewhere.ts',
  'sealpost settings example.com': 'test/road/elsewhere.ts',
  'sealpost provide example.com --for webmail --pem bought.pem': 'test/road/elsewhere.ts',
  'sealpost provide example.com --withdraw': 'test/road/elsewhere.ts',
  'sealpost import domains.csv': 'test/road/imported.ts',
  'sealpost import domains.csv --go': 'test/road/imported.ts',
  'sealpost audit mx1.provider.test': 'test/road/drift.ts',
  'sealpost doctor --server mx1.provider.test': 'test/road/drift.ts',
  'sealpost doctor --installer installer.sh': 'test/bin/doctor.test.ts',
  'sealpost watch': 'test/road/visit.test.ts',
  'sealpost completion bash': 'test/bin/completion.test.ts',
  'sealpost completion zsh': 'test/bin/completion.test.ts',
};
