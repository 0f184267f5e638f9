/** The hosts of the contract's tests, by the names of their files. */
import { readdirSync } from 'node:fs';
import { parseKind, RELEASES, type Kind } from '../../local/hosts/software.ts';

export const kinds: Kind[] = readdirSync(import.meta.dirname).flatMap(file => {
  const [release, ...software] = file.replace(/\.test\.ts$/, '').split('-');
  return RELEASES.some(each => each === release) ? [parseKind({ release, software: software.join(',') })] : [];
});
