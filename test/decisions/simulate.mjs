/**
 * SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * Asks `@cloud-copilot/iam-simulate` the questions of its input, JSON lines of a file that the
 * stand-in recorded (packages/aws-stand-in/src/iam/recorded-decisions.ts), and writes an answer for
 * each: `{"line":3,"result":"Allowed","why":…}`. The simulator is AGPL. So it runs in this process
 * alone, for development only, and no other file imports it (docs/decisions/0036).
 */
import { createInterface } from 'node:readline';
import { runSimulation } from '@cloud-copilot/iam-simulate';

const EVERYTHING = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};
const policies = new Map();

/**
 * Version 0.1.173 drops keys with a name behind the colon, `kms:EncryptionContext:<name>`, from the
 * question. The key of a tag, which is also one text, is asked about in its place.
 */
const renamed = text => text.replace(/kms:encryptioncontext:/gi, 'aws:PrincipalTag/');

async function answer({ principal, action, resource, context, identity, resourcePolicy, isAllowed }) {
  const account = context['aws:principalaccount'] ?? context['aws:sourceaccount'] ?? '000000000000';
  const contextVariables = Object.fromEntries(Object.entries(context).map(([key, value]) => [renamed(key), value]));
  // AWS lets the root of an account do all that no policy denies.
  const isRoot = principal.endsWith(':root');
  const own = isRoot ? [EVERYTHING] : identity.map(hash => policies.get(hash));
  const simulated = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: account }, contextVariables },
      identityPolicies: own.map((policy, index) => ({ name: `${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resourcePolicy && { resourcePolicy: policies.get(resourcePolicy) }),
    },
    {},
  );
  if (simulated.resultType === 'error') return { result: simulated.errors.message, why: simulated.errors };
  const results = simulated.resultType === 'single' ? [simulated.result] : simulated.results;
  const isSame = isAllowed === (simulated.overallResult === 'Allowed');
  return {
    result: simulated.overallResult,
    ignored: results.flatMap(one => one.ignoredContextKeys ?? []),
    ...(!isSame && { why: results.flatMap(({ analysis }) => explained(analysis)) }),
  };
}

/** Each statement that was looked at, with what of it matched. */
const explained = ({ identityAnalysis, resourceAnalysis }) =>
  [identityAnalysis, resourceAnalysis].flatMap(of =>
    ['allowStatements', 'denyStatements', 'unmatchedStatements'].flatMap(kind =>
      (of?.[kind] ?? []).map(({ explain }) => explain),
    ),
  );

let line = 0;
for await (const text of createInterface({ input: process.stdin })) {
  line += 1;
  const recorded = JSON.parse(text);
  if (recorded.policy) policies.set(recorded.policy, JSON.parse(renamed(JSON.stringify(recorded.document))));
  else process.stdout.write(`${JSON.stringify({ line, ...(await answer(recorded)) })}\n`);
}
