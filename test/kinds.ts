/** The hosts of the contract's and the zoo's tests, by the names of their files. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseKind, RELEASES, type Kind } from '../local/hosts/software.ts';

export const kinds: Kind[] = readdirSync(join(import.meta.dirname, 'install')).flatMap(file => {
  const [release, ...software] = file.replace(/(\.zoo)?\.test\.ts$/, '').split('-');
  return RELEASES.some(each => each === release) ? [parseKind({ release, software: software.join(',') })] : [];
});
