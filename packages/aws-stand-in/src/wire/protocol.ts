/**
 * The wire of one service, in both directions, read from the SDK client's own schemas: the
 * operation of a request, its modelled input, and the bytes of an output or an error. The layout of
 * those schemas is internal to the SDK: `[3, namespace, name, traits, memberNames, memberSchemas,
 * requiredCount]` is a structure, 9 is an operation. The clients are therefore pinned, and one test
 * for each protocol fails when an update changes the layout.
 */
import { NormalizedSchema } from '@smithy/core/schema';
import { writeError } from './error-answer.ts';
import type { Answer, Dialect, Message } from './message.ts';
import { limitBroken, modelOf, type ServiceModel } from './model-limits.ts';
import { queryShape, readQuery, renamed, serializeXml } from './query.ts';
import { missingMember } from './required-members.ts';
import { readRest, serialize, writeRest } from './rest.ts';
import { restOperation, type RestOperation } from './routing.ts';
import { AwsError, type Service } from '../service/service.ts';

export interface Route {
  operation: string;
  dialect: Dialect;
  schema: any[];
  labels: Record<string, string>;
  form: URLSearchParams;
  contentType: string;
}

export class Protocol {
  readonly service: Service;
  readonly #wire: any;
  readonly #operations = new Map<string, any[]>();
  readonly #rest: RestOperation[] = [];
  readonly #model: ServiceModel | undefined;

  constructor(service: Service, region: string) {
    this.service = service;
    this.#model = modelOf(service.name);
    const client = new service.model[service.client]({
      region,
      credentials: { accessKeyId: '-', secretAccessKey: '-' },
    });
    this.#wire = client.config.protocol;
    for (const schema of Object.values(service.model)) {
      if (!Array.isArray(schema) || schema[0] !== 9) continue;
      this.#operations.set(schema[2], schema);
      if (schema[3]?.http) this.#rest.push(restOperation(schema));
    }
  }

  /**
   * The caller's dialect. A JSON service answers a client of the older query protocol in the query
   * protocol.
   */
  dialect(message: Message): Dialect {
    const form = (message.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
    switch (this.#wire.getShapeId()) {
      case 'aws.protocols#awsJson1_0':
      case 'aws.protocols#awsJson1_1':
        return form ? 'query' : 'json';
      case 'aws.protocols#awsQuery':
        return 'query';
      default:
        return 'rest';
    }
  }

  /**
   * Finds the operation of a request.
   * @throws AwsError UnknownOperationException (404) if the service has no such operation
   */
  route(message: Message): Route {
    const dialect = this.dialect(message);
    const contentType = message.headers['content-type'] ?? '';
    const form = new URLSearchParams(dialect === 'query' ? Buffer.from(message.body).toString('utf8') : '');
    if (dialect === 'rest') {
      const found = this.#rest
        .map(candidate => ({ candidate, labels: candidate.match(message) }))
        .filter(({ labels }) => labels)
        .sort((a, b) => this.#rank(b.candidate, message) - this.#rank(a.candidate, message))[0];
      if (!found) throw unknownOperation(`${this.service.name} has no operation at ${message.method} ${message.path}`);
      const { schema } = found.candidate;
      return { operation: schema[2], dialect, schema, labels: found.labels!, form, contentType };
    }
    const target = message.headers['x-amz-target'] ?? '';
    const operation = dialect === 'json' ? target.slice(target.lastIndexOf('.') + 1) : (form.get('Action') ?? '');
    const schema = this.#operations.get(operation);
    if (!schema) throw unknownOperation(`${this.service.name} has no operation "${operation}"`);
    return { operation, dialect, schema, labels: {}, form, contentType };
  }

  /**
   * The rank of an operation where several match: a template that says more of path and query
   * first, then the operation that `x-id` names, then an operation that exists here.
   */
  #rank(candidate: RestOperation, message: Message): number {
    const hinted = candidate.hint !== undefined && message.query['x-id']?.[0] === candidate.hint;
    return candidate.weight + (hinted ? 0.5 : 0) + (candidate.schema[2] in this.service.operations ? 0.25 : 0);
  }

  /**
   * Returns the modelled input of a request; its required members are not checked yet.
   * @throws AwsError SerializationException for bytes that do not follow the protocol
   */
  async read(route: Route, message: Message): Promise<any> {
    const shape = NormalizedSchema.of(route.schema[4]);
    if (shape.isUnitSchema()) return {};
    try {
      if (route.dialect === 'json')
        return message.body.length ? await this.#wire.deserializer.read(shape, message.body) : {};
      if (route.dialect === 'query')
        return readQuery(NormalizedSchema.of(this.#queryShape(route.schema[4], route)), route.form, '');
      return await readRest(this.#wire, shape, route.labels, message);
    } catch (error) {
      if (error instanceof AwsError) throw error;
      // The parser's own message quotes the body, which may contain a key, and errors are logged.
      throw new AwsError('SerializationException', `The request is not what ${route.operation} reads`);
    }
  }

  /**
   * @throws AwsError ValidationException with the first required member that is absent, at any
   *   depth
   */
  checkRequired(operation: string, input: any): void {
    const schema = this.#operations.get(operation);
    const missing = schema && missingMember(NormalizedSchema.of(schema[4]), input, '');
    if (missing)
      throw new AwsError(
        this.#wire.getShapeId() === 'aws.protocols#restXml' ? 'InvalidInput' : 'ValidationException',
        `1 validation error detected: Value null at '${missing}' failed to satisfy constraint: Member must not be null`,
      );
  }

  /** @throws AwsError ValidationException for a value whose length, range or pattern AWS refuses */
  checkLimits(operation: string, input: any): void {
    const schema = this.#operations.get(operation);
    if (!schema || !this.#model) return;
    const broken = limitBroken(this.#model, NormalizedSchema.of(schema[4]), input, '');
    if (broken !== undefined) throw new AwsError(this.#invalidCode(), broken);
  }

  #invalidCode(): string {
    const protocol = this.#wire.getShapeId();
    if (protocol === 'aws.protocols#awsQuery') return 'ValidationError';
    return protocol === 'aws.protocols#restXml' ? 'InvalidInput' : 'ValidationException';
  }

  /** @throws Error unless the operation declares the error, or any operation may have it */
  checkDeclared(operation: string, { code, status }: AwsError): void {
    const declared = this.#model?.errors[operation];
    // S3 declares almost none of its errors.
    if (!declared || status >= 500 || COMMON.has(code) || this.service.name === 's3') return;
    if (!declared.includes(code)) throw new Error(`${this.service.name}:${operation} does not declare ${code}`);
  }

  /** The operation's schema; undefined if the service has no such operation. */
  schema(operation: string): any[] | undefined {
    return this.#operations.get(operation);
  }

  write(route: Route, output: any, requestId: string): Answer {
    const shape = NormalizedSchema.of(route.schema[5]);
    const value = output ?? {};
    if (route.dialect === 'json') {
      const body = shape.isUnitSchema() ? '{}' : serialize(this.#wire, shape, value);
      return { status: 200, headers: { 'content-type': route.contentType }, body };
    }
    if (route.dialect === 'query') {
      const result = shape.isUnitSchema()
        ? ''
        : serializeXml(
            this.#wire,
            renamed(this.#queryShape(route.schema[5], route), `${route.operation}Result`),
            value,
          );
      const body = `<${route.operation}Response>${result}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${route.operation}Response>`;
      return { status: 200, headers: { 'content-type': 'text/xml' }, body };
    }
    return writeRest(this.#wire, shape, value, route.schema[3].http[2]);
  }

  writeError(message: Message, error: AwsError, requestId: string): Answer {
    return writeError(this.#wire, this.service, this.dialect(message), message, error, requestId);
  }

  /** Clients of SQS's older protocol use names that its newer schemas do not have. */
  #queryShape(schema: any, route: Route): any {
    return this.#wire.getShapeId() === 'aws.protocols#awsQuery' ? schema : queryShape(schema, route.operation);
  }
}

/** Errors that no operation declares (API references, "Common errors"). */
const COMMON = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'ValidationException',
  'ValidationError',
  'InvalidInput',
]);

const unknownOperation = (why: string) => new AwsError('UnknownOperationException', why, { status: 404 });
