/** Sizes: the functions as deployed, and the stand-in for AWS beside the product. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Figures } from './figures.ts';

const CHECKOUT = join(import.meta.dirname, '..');
const PRODUCT = ['core', 'aws', 'lambdas', 'lib', 'statemachines', 'install', 'bin'];
/** Written by the build. */
const GENERATED = /^installer\.bundle\.(sh|ps1)$/;

/** @param cdkOut the folder of the synthesised stack */
export function sizes(cdkOut: string): Figures {
  const bundles = bundleSizes(cdkOut);
  const biggest = bundles.reduce((big, one) => (one.bytes > big.bytes ? one : big));
  const mb = (bytes: number) => `${(bytes / 1_000_000).toFixed(2)} MB`;
  const product = PRODUCT.reduce((sum, folder) => sum + lines(join(CHECKOUT, folder)), 0);
  const standIn = lines(join(CHECKOUT, 'packages/aws-stand-in/src'));
  return {
    'Bundles of the functions, SDK in them: the biggest (bar: 1.2 MB)': `${mb(biggest.bytes)}, ${biggest.name}`,
    [`  all ${bundles.length} together`]: mb(bundles.reduce((sum, { bytes }) => sum + bytes, 0)),
    'Lines of packages/aws-stand-in/ against lines of the product': `${standIn} : ${product}`,
  };
}

interface Declaration {
  Type: string;
  Properties: { FunctionName: string; Code: { S3Key: string } };
}

function bundleSizes(cdkOut: string): { name: string; bytes: number }[] {
  const template = JSON.parse(readFileSync(join(cdkOut, 'sealpost.template.json'), 'utf8')) as {
    Resources: Record<string, Declaration>;
  };
  return Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::Lambda::Function')
    .map(({ Properties: { FunctionName: name, Code } }) => {
      const asset = join(cdkOut, `asset.${Code.S3Key.replace('.zip', '')}`);
      return { name, bytes: statSync(join(asset, 'index.js')).size };
    });
}

function lines(folder: string): number {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && !GENERATED.test(entry.name) && /\.(ts|mjs|sh|ps1|json|cjs)$/.test(entry.name))
      sum += readFileSync(join(entry.parentPath, entry.name), 'utf8').split('\n').length - 1;
  return sum;
}
