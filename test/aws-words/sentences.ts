/**
 * The sentences of the installed SDK's documentation (AWS's API reference) that limit what a caller
 * may send: those of the operation, of its errors, and of each member that is sent.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../house/sources.ts';

const LIMITS = /\b(can['’]t|cannot|can not|must|only|required|maximum|up to|(not|n['’]t) support(ed)?|unsupported)\b/i;

/** The service's signing name by the SDK client's package, where the two differ. */
export const SERVICES: Record<string, string> = { eventbridge: 'events', 'route-53': 'route53', sfn: 'states' };
const packageOf = (service: string) => Object.keys(SERVICES).find(name => SERVICES[name] === service) ?? service;

/** What is sent: operation → members, each as `<structure>.<member>`. */
export type Sent = Map<string, string[]>;

export interface Sentence {
  text: string;
  /** The operation, or `<structure>.<member>`, or the error. */
  of: string;
}

/**
 * @param service the signing name, e.g. `states`
 * @returns by operation; a sentence that is said of several members comes once for each of them
 */
export function sentencesOf(service: string, sent: Sent): Map<string, Sentence[]> {
  const folder = join(checkout, 'node_modules/@aws-sdk', `client-${packageOf(service)}`, 'dist-types');
  const models = readdirSync(join(folder, 'models'))
    .filter(file => file.startsWith('models_'))
    .map(file => readFileSync(join(folder, 'models', file), 'utf8'));
  const documented = members(models);
  return new Map(
    [...sent].map(([operation, names]) => {
      const command = readFileSync(join(folder, 'commands', `${operation}Command.d.ts`), 'utf8');
      return [operation, [...ofOperation(operation, command), ...names.flatMap(name => ofMember(name, documented))]];
    }),
  );
}

function ofOperation(operation: string, file: string): Sentence[] {
  const [, comment] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class/.exec(file) ?? [];
  if (comment === undefined) throw new Error(`the SDK has no documentation of ${operation}`);
  const [text = '', ...tags] = plain(comment).split(/^@(?=\w)/m);
  const thrown = tags.flatMap(tag => {
    const [, name, why] = /^throws \{@link (\w+)\}([\s\S]*)$/.exec(tag) ?? [];
    return name === undefined ? [] : limits(why!.replace(/^ \(\w+ fault\)/, ''), name);
  });
  return [...limits(text, operation), ...thrown];
}

function ofMember(name: string, documented: Map<string, string>): Sentence[] {
  const comment = documented.get(name);
  if (comment === undefined) throw new Error(`the SDK has no documentation of ${name}`);
  return limits(comment, name);
}

/** The text of each member by `<structure>.<member>`; a structure's own text comes with each. */
function members(models: string[]): Map<string, string> {
  const found = new Map<string, string>();
  let structure = '';
  let union = '';
  let comment = '';
  let about = '';
  for (const line of models.flatMap(model => model.split('\n'))) {
    const text = /^\s*\* ?(.*)$/.exec(line)?.[1];
    if (/^\s*\/\*\*/.test(line)) comment = '';
    else if (/^\s*\*\//.test(line)) continue;
    else if (text !== undefined) comment += `${text}\n`;
    else if (/^export declare namespace (\w+)/.test(line)) union = /namespace (\w+)/.exec(line)![1]!;
    else if (/^}/.test(line)) union = structure = '';
    else if (/^\s*(export )?interface (\w+)/.test(line)) {
      structure = union || /interface (\w+)/.exec(line)![1]!;
      about = union ? '' : comment;
      comment = '';
    } else {
      const member = /^ +(\w+)\??: /.exec(line)?.[1];
      if (member !== undefined && structure && !/: never;/.test(line))
        found.set(`${structure}.${member}`, `${plain(about)}\n\n${plain(comment)}`);
      comment = '';
    }
  }
  return found;
}

/** Text without the comment's frame and without HTML; a paragraph ends with an empty line. */
function plain(comment: string): string {
  return comment
    .replace(/^\s*\* ?/gm, '')
    .replace(/<\/?(p|li|ul|ol|dl|dt|dd|note|important|caution|b|h\d)\b[^>]*>/g, tag =>
      /^<\/?b>/.test(tag) ? '' : '\n\n',
    )
    .replace(/<[^>]+>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

function limits(text: string, of: string): Sentence[] {
  const sentences = text
    .split(/\n\s*\n/)
    .flatMap(paragraph => paragraph.replace(/\s+/g, ' ').split(/(?<=[.!?:]\)?) (?=[A-Z("])/))
    .map(sentence => sentence.trim());
  return sentences.filter(sentence => LIMITS.test(sentence)).map(sentence => ({ text: sentence, of }));
}
