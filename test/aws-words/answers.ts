/**
 * The answers of `answers.md`: a paragraph, and under it the sentences of AWS's documentation that
 * the paragraph answers. A paragraph begins with `Refused:` or `Mended:` and names tests of the
 * stand-in, each as `` `file`, "title" ``; or with `Reason` and the name of a reason of the file's
 * first part; or it is a reason by itself.
 */
import { read } from '../house/sources.ts';
import { sent } from './sent.ts';
import { sentencesOf } from './sentences.ts';

const FILE = 'test/aws-words/answers.md';

export interface Answer {
  service: string;
  operation: string;
  /** `mended`: the stand-in refuses it since this sentence was read. */
  kind: 'refused' | 'mended' | 'reason';
  text: string;
  sentence: string;
}

/** @throws Error for a list without a paragraph above it, or for an unknown reason */
export function answers(): Answer[] {
  const [first, ...services] = read(FILE).split(/^## (?!Reasons$)/m) as [string, ...string[]];
  const reasons = new Map([...first.matchAll(/^- \*\*([\w -]+)\*\*: /gm)].map(([, name]) => [name!, true]));
  return services.flatMap(part => {
    const [service, ...operations] = part.split(/^### /m).map(text => text.trim());
    return operations.flatMap(text => {
      const [operation, ...blocks] = text.split(/\n\n+/);
      let answer = '';
      return blocks.flatMap(block => {
        if (!block.startsWith('- ')) {
          answer = block.replace(/\s+/g, ' ');
          const name = /^Reason ([\w -]+)\.$/.exec(answer)?.[1];
          if (name !== undefined && !reasons.has(name)) throw new Error(`${FILE} has no reason "${name}"`);
          return [];
        }
        if (answer === '') throw new Error(`no answer stands above "${block}"`);
        const kind = answer.startsWith('Refused: ') ? 'refused' : answer.startsWith('Mended: ') ? 'mended' : 'reason';
        return block
          .slice(2)
          .split(/\n- /)
          .map((sentence): Answer => ({
            ...{ service: service!, operation: operation!, kind, text: answer },
            sentence: sentence.replace(/\s+/g, ' '),
          }));
      });
    });
  });
}

/** The tests that an answer names. */
export function testsOf({ text, kind }: Answer): { file: string; title: string }[] {
  if (kind === 'reason') return [];
  return [...text.matchAll(/`([^`]+)`((?:, "[^"]+")+)/g)].flatMap(([, file, titles]) =>
    [...titles!.matchAll(/"([^"]+)"/g)].map(([, title]) => ({ file: file!, title: title! })),
  );
}

/** Every sentence that applies: by service, text and the operations that have it. */
export function applying(): Map<string, Map<string, { operations: string[]; of: string[] }>> {
  return new Map(
    [...sent()].map(([service, operations]) => {
      const found = new Map<string, { operations: string[]; of: string[] }>();
      for (const [operation, sentences] of sentencesOf(service, operations))
        for (const { text, of } of sentences) {
          const known = found.get(text) ?? { operations: [], of: [] };
          found.set(text, known);
          if (!known.operations.includes(operation)) known.operations.push(operation);
          if (!known.of.includes(of)) known.of.push(of);
        }
      return [service, found];
    }),
  );
}

/** Sentences without an answer, as a part of `answers.md` in which the answers are missing. */
export function unanswered(): string[] {
  const known = new Set(answers().map(({ service, sentence }) => `${service} ${sentence}`));
  return [...applying()].flatMap(([service, sentences]) =>
    [...sentences].flatMap(([text, { operations, of }]) =>
      known.has(`${service} ${text}`) ? [] : [`${service} ${operations.join(', ')} (${of.join(', ')}):\n- ${text}`],
    ),
  );
}
