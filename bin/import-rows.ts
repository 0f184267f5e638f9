/** A provider's domains, as a spreadsheet saves them: each row is a wish, or has a problem. */
import { parse } from 'csv-parse/sync';
import { parseDomainEvent } from '../core/events/domain-event.ts';
import { isSealpostError, SealpostError } from '../core/errors.ts';
import type { Wish } from '../core/record/domain.ts';

export interface Row {
  /** The line of the file, from 1. If a cell has several lines, the last of these lines. */
  line: number;
  wish: Wish;
}

export interface Problem {
  line: number;
  /** The column; absent if the whole row is the problem. */
  field?: string;
  text: string;
}

export interface Table {
  rows: Row[];
  problems: Problem[];
  /** Rows with the same wish as an earlier row. */
  repeated: { line: number; of: number }[];
}

/** In any order. A name may have capitals, spaces, hyphens and underscores of its own. */
const COLUMNS = ['domain', 'server', 'policy', 'names', 'webmail server'] as const;
type Column = (typeof COLUMNS)[number];
const REQUIRED: Column[] = ['domain', 'server'];
/** The name of a field in the event, and the name of its column. */
const FIELDS: Record<string, Column> = {
  domain: 'domain',
  mailServers: 'server',
  policy: 'policy',
  names: 'names',
  webmailServer: 'webmail server',
};
/** Excel's delimiter depends on the machine's language. Cells that are copied have tabs. */
const DELIMITERS = [',', ';', '\t'];
/** Excel reads the delimiter from such a first line. */
const DELIMITER_LINE = /^"?sep=(.)"?(?=\r|\n|$)/i;
const WANTED: Partial<Record<Column, string>> = {
  domain: 'the domain that the mail addresses end in, e.g. "example.com"',
  server: 'the full host name of its mail server, e.g. "mx1.provider.example"',
};

/**
 * @param bytes UTF-8, with or without a byte order mark; lines may end in LF, CRLF or CR
 * @throws SealpostError InvalidStepInput if the file as a whole is unusable
 */
export function readTable(bytes: Uint8Array): Table {
  const whole = decode(bytes);
  const named = DELIMITER_LINE.exec(whole)?.[1];
  // The line stays as an empty one, so that the numbers of the other lines are right.
  // csv-parse counts CRLF inside quotes as two lines, and would give later rows wrong numbers.
  const text = whole.replace(DELIMITER_LINE, '').replace(/\r\n?/g, '\n');
  const [head = ''] = text.split('\n', 1);
  const delimiter = named ?? DELIMITERS.toSorted((a, b) => head.split(b).length - head.split(a).length)[0]!;
  const records = parseText({ text, delimiter });
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
    throw invalid({ problem: 'the file is not UTF-8', remedy: 'save it as "CSV UTF-8"' });
  }
}

interface Parsed {
  record: string[];
  line: number;
}

function parseText({ text, delimiter }: { text: string; delimiter: string }): Parsed[] {
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
    throw invalid({
      problem: `the file cannot be read as CSV (${(error as Error).message})`,
      remedy: 'correct that line',
    });
  }
}

function readHead(head: string[]): (Column | undefined)[] {
  const plain = (text: string) => text.toLowerCase().replace(/[\s_-]+/g, '');
  const columns = head.map(text => COLUMNS.find(column => plain(column) === plain(text)));
  const all = COLUMNS.join(', ');
  const unknown = head.find((text, i) => columns[i] === undefined && text !== '');
  if (unknown !== undefined)
    throw invalid({ problem: `the column "${unknown}" is not known`, remedy: `name the columns ${all}` });
  const twice = COLUMNS.find(column => columns.filter(one => one === column).length > 1);
  if (twice) throw invalid({ problem: `the column ${twice} is there twice`, remedy: 'leave one' });
  const missing = REQUIRED.find(column => !columns.includes(column));
  if (missing)
    throw invalid({ problem: `there is no column ${missing}`, remedy: `let the first line name the columns: ${all}` });
  return columns;
}

function readRow(record: string[], columns: (Column | undefined)[], line: number): Row | Problem {
  if (record.length > columns.length)
    return {
      line,
      text: `the row has ${record.length} cells for ${columns.length} columns; put quotes around a cell that has a delimiter in it`,
    };
  const cell = (column: Column) => record[columns.indexOf(column)]?.trim() || undefined;
  const empty = REQUIRED.find(column => cell(column) === undefined);
  if (empty) return { line, field: empty, text: `is empty; give ${WANTED[empty]}` };
  const several = (column: Column) => cell(column)?.split(/\s+/);
  for (const column of ['server', 'names'] as const)
    if (/[,;|]/.test(cell(column) ?? ''))
      return { line, field: column, text: 'has several in it; put spaces between them' };
  const names = several('names');
  const policy = cell('policy')?.toLowerCase() ?? (names ? 'list' : undefined);
  const detail = {
    domain: cell('domain'),
    mailServers: several('server'),
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

/**
 * Of rows with the same wish, the first is kept. Rows with different wishes for one domain are all
 * left out, since nothing here tells which of the wishes is meant.
 */
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

function invalid({ problem, remedy }: { problem: string; remedy: string }): SealpostError {
  return new SealpostError('InvalidStepInput', { about: 'the file', message: `${problem}; ${remedy}` });
}
