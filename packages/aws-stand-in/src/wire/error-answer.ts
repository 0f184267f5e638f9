/** Errors in the form of each protocol. */
import { NormalizedSchema } from '@smithy/core/schema';
import type { Answer, Dialect, Message } from './message.ts';
import { serializeXml } from './query.ts';
import { serialize } from './rest.ts';
import type { AwsError, Service } from '../service/service.ts';

/** The answer to a failed request, with the members of the modelled exception. */
export function writeError(
  wire: any,
  service: Service,
  dialect: Dialect,
  message: Message,
  error: AwsError,
  requestId: string,
): Answer {
  const schema = service.model[`${error.code}$`];
  const modelled: any[] = Array.isArray(schema) && schema[0] === -3 ? schema : [-3, '-', error.code, {}, [], []];
  const status = error.status === 400 ? (modelled[3]?.httpError ?? 400) : error.status;
  const messageName = modelled[4].find((name: string) => /^message$/i.test(name)) ?? 'message';
  const extra = modelled[4].map((name: string, index: number) => [name, modelled[5][index]]);
  const others = extra.filter(([name]: [string]) => name !== messageName);
  const shape = (name: string, head: string[]) =>
    [
      3,
      modelled[1],
      name,
      0,
      [...head, ...others.map((e: any) => e[0])],
      [...head.map(() => 0), ...others.map((e: any) => e[1])],
    ] as any[];
  if (dialect === 'json' || wire.getShapeId() === 'aws.protocols#restJson1') {
    const code = error.code === 'AccessDenied' ? 'AccessDeniedException' : error.code;
    const body = serialize(wire, NormalizedSchema.of(shape(code, ['__type', messageName]) as any), {
      ...error.fields,
      __type: code,
      [messageName]: error.message,
    });
    const headers: Record<string, string> = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-errortype': code,
    };
    if (message.headers['x-amzn-query-mode'] === 'true')
      headers['x-amzn-query-error'] = `${modelled[3]?.awsQueryError?.[0] ?? code};Sender`;
    // JSON services answer a denial with 400, REST services with 403.
    return { status: dialect === 'json' && status === 403 && code !== error.code ? 400 : status, headers, body };
  }
  const code = modelled[3]?.awsQueryError?.[0] ?? error.code;
  const type = status < 500 ? 'Sender' : 'Receiver';
  const fields = { ...error.fields, Type: type, Code: code, Message: error.message, RequestId: requestId };
  const s3 = service.name === 's3';
  const xml = serializeXml(
    wire,
    shape('Error', s3 ? ['Code', 'Message', 'RequestId'] : ['Type', 'Code', 'Message']),
    fields,
  );
  const body = s3 ? xml : `<ErrorResponse>${xml}<RequestId>${requestId}</RequestId></ErrorResponse>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}
