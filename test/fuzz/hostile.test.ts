import { fuzzed } from './fuzzed.ts';
import { subjects } from './subjects.ts';

fuzzed('answer of a CA', subjects['ca']!);
fuzzed('answer of a server', subjects['hostile host']!);
