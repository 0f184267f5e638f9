import { fuzzed } from './fuzzed.ts';
import { subjects } from './subjects.ts';

fuzzed('name', subjects['names']!);
fuzzed('event in', subjects['events']!);
fuzzed('file', subjects['files']!);
fuzzed('DNS answer', subjects['dns']!);
