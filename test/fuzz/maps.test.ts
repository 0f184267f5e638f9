import { fuzzed } from './fuzzed.ts';
import { subjects } from './subjects.ts';

fuzzed('map and list', subjects['maps']!);
