/** A provider's table of domains as it comes out of a spreadsheet: each row a wish, or a line that says what is wrong with it. */
import { parse } from 'csv-parse/sync';
import { parseDomainEvent } from '../core/events/domain-event.ts';
import { isSealpostError, SealpostError } from '../core/errors.ts';
import type { Wish } from '../core/record/domain.ts';

export interface Row {
  /** Of the file, from 1; the last one where a cell goes over several. */
  line: number;
  wish: Wish;
}

export interface Problem {
  line: number;
  /** As its column is called; none where the row as a whole is meant. */
  field?: string;
  text: string;
}

export interface Table {
  rows: Row[];
  problems: Problem[];
  /** Rows that say again what an earlier one says. */
  repeated: { line: number; of: number }[];
}

/** Columns by name, in any order; letters' case, spaces, hyphens and underscores in them do not count. */
const COLUMNS = ['domain', 'server', 'policy', 'names', 'webmail server'] as const;
type Column = (typeof COLUMNS)[number];
const REQUIRED: Column[] = ['domain', 'server'];
/** What a sender's event calls it, and we here. */
const FIELDS: Record<string, Column> = {
  domain: 'domain',
  mailServers: 'server',
  policy: 'policy',
  names: 'names',
  webmailServer: 'webmail server',
};
/** Excel writes what the language of the machine has; tabs come from copying cells. */
const DELIMITERS = [',', ';', '\t'];

/**
 * @param bytes UTF-8, with or without BOM; any line ends
 * @throws SealpostError InvalidStepInput for what is wrong with the file as a whole
 */
export function readTable(bytes: Uint8Array): Table {
  const text = decode(bytes);
  const [head = ''] = text.split(/\r?\n|\r/, 1);
  const delimiter = DELIMITERS.toSorted((a, b) => head.split(b).length - head.split(a).length)[0]!;
  const records = parseText(text, delimiter);
  const [first, ...rest] = records;
  const columns = readHead(first?.record ?? []);
  const table: Table = { rows: [], problems: [], repeated: [] };
  for (const { record, line } of rest) {
    const row = readRow(record, columns, line);
    if ('wish' in row) table.rows.push(row);
    else table.problems.push(row);
  }
  return settle(table);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('the file is not UTF-8', 'save it as "CSV UTF-8"');
  }
}

function parseText(text: string, delimiter: string): { record: string[]; line: number }[] {
  try {
    const options = {
      delimiter,
      info: true,
      trim: true,
      relax_column_count: true,
      skip_records_with_empty_values: true,
    };
    const parsed = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    return parsed.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    throw invalid(`the file cannot be read as CSV (${(error as Error).message})`, 'mend that line');
  }
}

function readHead(head: string[]): (Column | undefined)[] {
  const plain = (text: string) => text.toLowerCase().replace(/[\s_-]+/g, '');
  const columns = head.map(text => COLUMNS.find(column => plain(column) === plain(text)));
  const all = COLUMNS.join(', ');
  const unknown = head.find((text, i) => columns[i] === undefined && text !== '');
  if (unknown !== undefined) throw invalid(`the column "${unknown}" is not known`, `name the columns ${all}`);
  const twice = COLUMNS.find(column => columns.filter(one => one === column).length > 1);
  if (twice) throw invalid(`the column ${twice} is there twice`, 'leave one');
  const missing = REQUIRED.find(column => !columns.includes(column));
  if (missing) throw invalid(`there is no column ${missing}`, `let the first line name the columns: ${all}`);
  return columns;
}

function readRow(record: string[], columns: (Column | undefined)[], line: number): Row | Problem {
  if (record.length > columns.length)
    return {
      line,
      text: `it has ${record.length} cells for ${columns.length} columns; put quotes around a cell with a delimiter in it`,
    };
  const cell = (column: Column) => record[columns.indexOf(column)]?.trim() || undefined;
  const several = (column: Column) => cell(column)?.split(/\s+/);
  for (const column of ['server', 'names'] as const)
    if (/[,;|]/.test(cell(column) ?? ''))
      return { line, field: column, text: 'has several in it; put spaces between them' };
  const names = several('names');
  const policy = cell('policy')?.toLowerCase() ?? (names ? 'list' : undefined);
  const detail = {
    domain: cell('domain') ?? '',
    mailServers: several('server') ?? [],
    ...(policy !== undefined && { policy }),
    ...(names && { names }),
    ...(cell('webmail server') !== undefined && { webmailServer: cell('webmail server') }),
  };
  try {
    const request = parseDomainEvent({ 'detail-type': 'Domain Created', time: new Date(0).toISOString(), detail });
    if (request.kind === 'wish') return { line, wish: request.wish };
    throw new Error('a wish was read as something else');
  } catch (error) {
    if (!isSealpostError(error, 'InvalidStepInput')) throw error;
    const [, name = '', text = error.message] = /^detail\.(\w+)(?:\[\d+\])? (.*)$/s.exec(error.message) ?? [];
    const field = FIELDS[name];
    return { line, ...(field && { field }), text };
  }
}

/** The same again is said once; two rows that want different things of one domain are both left alone: nobody here knows which is meant. */
function settle({ rows, problems }: Table): Table {
  const byDomain = Map.groupBy(rows, ({ wish }) => wish.domain);
  const kept: Row[] = [];
  const repeated: Table['repeated'] = [];
  const conflicts: Problem[] = [];
  for (const same of byDomain.values()) {
    const [first, ...others] = same as [Row, ...Row[]];
    if (others.every(({ wish }) => JSON.stringify(wish) === JSON.stringify(first.wish))) {
      kept.push(first);
      repeated.push(...others.map(({ line }) => ({ line, of: first.line })));
      continue;
    }
    const lines = same.map(({ line }) => line);
    const text = `${first.wish.domain} is on lines ${lines.join(', ')} with different wishes; leave the one that is meant`;
    conflicts.push(...lines.map(line => ({ line, field: 'domain', text })));
  }
  return { rows: kept, problems: [...problems, ...conflicts].sort((a, b) => a.line - b.line), repeated };
}

function invalid(problem: string, remedy: string): SealpostError {
  return new SealpostError('InvalidStepInput', { about: 'the file', message: `${problem}; ${remedy}` });
}
