/**
 * State machines, and every definition that an execution may still use: an update does not change a
 * running execution.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseDefinition } from './asl/definition.ts';
import type { Definition } from './asl/language.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';
import { arn, AwsError, type Cloud, type Resource, type ResourceRequest } from '../service/service.ts';
import { physicalName } from '../template/template.ts';

/** A row. `definition` is the SHA-256 of its text. Times in milliseconds since the epoch. */
export interface Machine {
  arn: string;
  name: string;
  role: string;
  definition: string;
  created: number;
}

/**
 * For names of machines and executions: no white space, control characters, brackets or wildcards,
 * and none of AWS's further special characters.
 */
const namePattern = /^[^\s?*<>{}[\]"#%\\^|~$&,;:/\u0000-\u001f\u007f-\u009f]{1,80}$/;

export function assertName(name: string): void {
  if (!namePattern.test(name)) throw new AwsError('InvalidName', `Invalid Name: '${name}'`);
}

export class Machines {
  readonly #cloud: Cloud;
  readonly #parsed = new Map<string, Definition>();

  constructor(cloud: Cloud) {
    cloud.database.exec(`
      CREATE TABLE IF NOT EXISTS states_machines (
        arn TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, definition TEXT NOT NULL, created INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS states_definitions (hash TEXT PRIMARY KEY, text TEXT NOT NULL);`);
    this.#cloud = cloud;
  }

  arn(name: string): string {
    return arn(this.#cloud, 'states', `stateMachine:${name}`);
  }

  find(machineArn: string): Machine | undefined {
    return this.#cloud.database.prepare('SELECT * FROM states_machines WHERE arn = ?').get(machineArn) as unknown as
      Machine | undefined;
  }

  list(after: string, limit: number): Machine[] {
    return this.#cloud.database
      .prepare('SELECT * FROM states_machines WHERE arn > ? ORDER BY arn LIMIT ?')
      .all(after, limit) as unknown as Machine[];
  }

  /**
   * Makes or replaces a machine.
   * @param definition the result of `keep`
   * @throws AwsError InvalidName; AccessDeniedException if Step Functions may not assume the role
   */
  put({ name, role, definition }: Pick<Machine, 'name' | 'role' | 'definition'>): Machine {
    assertName(name);
    this.#assertAssumable(role);
    this.#cloud.database
      .prepare(
        `INSERT INTO states_machines VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (arn) DO UPDATE SET role = excluded.role, definition = excluded.definition`,
      )
      .run(this.arn(name), name, role, definition, this.#cloud.now());
    return this.find(this.arn(name))!;
  }

  remove(machineArn: string): void {
    this.#cloud.database.prepare('DELETE FROM states_machines WHERE arn = ?').run(machineArn);
  }

  /**
   * Checks a definition, stores it and returns its hash.
   * @throws AwsError InvalidDefinition
   */
  keep(text: string): string {
    const definition = parseDefinition(text);
    const hash = createHash('sha256').update(text).digest('hex');
    this.#cloud.database.prepare('INSERT OR IGNORE INTO states_definitions VALUES (?, ?)').run(hash, text);
    this.#parsed.set(hash, definition);
    return hash;
  }

  text(hash: string): string {
    const row = this.#cloud.database.prepare('SELECT text FROM states_definitions WHERE hash = ?').get(hash);
    return row!['text'] as string;
  }

  definition(hash: string): Definition {
    const definition = this.#parsed.get(hash) ?? parseDefinition(this.text(hash));
    this.#parsed.set(hash, definition);
    return definition;
  }

  /**
   * AWS::StepFunctions::StateMachine. Settings for logs and traces are accepted, and nothing is
   * written there.
   */
  make(request: ResourceRequest): Resource {
    const { RoleArn, DefinitionString, DefinitionS3Location, DefinitionSubstitutions, ...others } = request.properties;
    refuseOthers('AWS::StepFunctions::StateMachine', others, [
      'StateMachineName',
      'StateMachineType',
      'LoggingConfiguration',
      'TracingConfiguration',
      'Tags',
    ]);
    if ((others.StateMachineType ?? 'STANDARD') !== 'STANDARD') refuse(`states: type ${others.StateMachineType}`);
    const text = DefinitionString ?? readFileSync(request.assetPath(DefinitionS3Location.Key), 'utf8');
    const definition = this.keep(substitute(text, DefinitionSubstitutions ?? {}));
    const made = this.put({ name: physicalName(request, 'StateMachineName'), role: RoleArn, definition });
    return { ref: made.arn, attributes: { Arn: made.arn, Name: made.name } };
  }

  #assertAssumable(role: string): void {
    try {
      this.#cloud.iam.assume(role, { service: 'states.amazonaws.com', session: 'check' });
    } catch {
      const principal = 'Neither the global service principal states.amazonaws.com, nor the regional one';
      const message = `${principal} is authorized to assume the provided role ${role}.`;
      throw new AwsError('AccessDeniedException', message);
    }
  }
}

/**
 * Replaces `${Name}` by its value. A name without a value stays, and the definition is then refused
 * for it.
 */
function substitute(text: string, values: Record<string, string>): string {
  return text.replace(/\$\{([A-Za-z0-9_]+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole,
  );
}
