/**
 * docs/events/, from the code's own schemas: for each event one JSON Schema of its detail, with an
 * example. test/road/examples.ts publishes the examples on the bus.
 */
import { format } from 'prettier';
import * as z from 'zod/mini';
import { eventsIn, pagesIn, wanted, type EventPage } from '../../core/events/events-in.ts';
import { eventsOut, fieldsOut, pagesOut } from '../../core/events/events-out.ts';
import { json } from './sources.ts';

const directory = 'docs/events';

const fileOf = (event: string) => `${event.toLowerCase().replaceAll(' ', '-')}.json`;
/** `reason` of this event is a sentence. */
const heldBecause = { reason: 'why, for a person' };

/** @returns path → content */
export async function eventFiles(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const add = async (event: string, schema: z.ZodMiniType, page: EventPage, fields: Record<string, string>) =>
    files.set(`${directory}/${fileOf(event)}`, await text(schemaOf(event, schema, page, fields)));
  for (const [event, schema] of Object.entries(eventsIn))
    await add(event, schema, pagesIn[event as keyof typeof eventsIn], wanted);
  for (const [event, schema] of Object.entries(eventsOut))
    await add(event, schema, pagesOut[event as keyof typeof eventsOut], {
      ...fieldsOut,
      ...(event === 'Server Held' && heldBecause),
    });
  files.set(`${directory}/README.md`, await format(page(), { ...json('.prettierrc.json'), parser: 'markdown' }));
  return files;
}

function schemaOf(
  title: string,
  schema: z.ZodMiniType,
  { meaning, example }: EventPage,
  fields: Record<string, string>,
): object {
  const { $schema, properties = {}, ...rest } = z.toJSONSchema(schema);
  const described = Object.entries(properties).map(([name, property]) => {
    const description = fields[name];
    return [name, { ...(description && { description }), ...(property as object) }];
  });
  return {
    $schema,
    title,
    description: meaning,
    ...rest,
    properties: Object.fromEntries(described),
    examples: [example],
  };
}

function page(): string {
  const rows = (pages: Record<string, EventPage>) =>
    Object.entries(pages).map(([event, { meaning }]) => `| [\`${event}\`](${fileOf(event)}) | ${meaning} |`);
  return `# Events

JSON Schema of each event's \`detail\`, with an example. \`npm run generate\` writes these files from
the code's own schemas.

**In**: sent to the stack's bus by a role that the deploy named. \`source\` is yours, and must not
be \`sealpost\`.

| detail-type | meaning |
| --- | --- |
${rows(pagesIn).join('\n')}

**Out**: \`source\` is \`sealpost\`. Each event is published at least once: a retry may
publish it again.

| detail-type | meaning |
| --- | --- |
${rows(pagesOut).join('\n')}
`;
}

async function text(content: object): Promise<string> {
  return format(JSON.stringify(content), { ...json('.prettierrc.json'), parser: 'json' });
}
