import { fuzzed } from './fuzzed.ts';
import { subjects } from './subjects.ts';

fuzzed('delivery, for Windows', subjects['readers']!);
