/**
 * Roles, their policies and credentials, and the policies of resources. Every call is decided from
 * them.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { RIGHTS_LAG_MS } from '../faults/chances.ts';
import { decide, denied, globalContext } from './decision.ts';
import { contextOf, Policy, type Question } from './policy.ts';
import { RecordedDecisions } from './recorded-decisions.ts';
import { AwsError, type Caller, type Cloud, type ConditionContext, type Iam } from '../service/service.ts';

export interface Role {
  roleName: string;
  arn: string;
  roleId: string;
  path: string;
  trustPolicy: object;
  createdAt: number;
}

/**
 * The AWS-managed policies of a mail server's or a function's role, reduced to the actions that
 * exist here.
 */
const AWS_MANAGED: Record<string, object> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': allow(
    'logs:CreateLogGroup',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
  ),
  'arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore': allow(
    'ssm:UpdateInstanceInformation',
    'ssmmessages:*',
    'ec2messages:*',
  ),
};

function allow(...actions: string[]): object {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] };
}

export class LocalIam implements Iam {
  readonly #cloud: Pick<Cloud, 'region' | 'account' | 'now' | 'database' | 'faults'>;
  readonly #roles = new Map<string, Role>();
  readonly #identity = new Map<string, Map<string, Policy>>();
  readonly #resource = new Map<string, Policy>();
  readonly #trust = new Map<string, Policy>();
  readonly #recorded: RecordedDecisions | undefined;
  /** When the policies of a role were last changed, by its name. */
  readonly #changed = new Map<string, number>();

  /** @param options.decisionsFile the file to which `RecordedDecisions` appends */
  constructor(
    cloud: Pick<Cloud, 'region' | 'account' | 'now' | 'database' | 'faults'>,
    { decisionsFile }: { decisionsFile?: string } = {},
  ) {
    this.#cloud = cloud;
    this.#recorded = decisionsFile === undefined ? undefined : new RecordedDecisions(decisionsFile);
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS iam_role (name TEXT PRIMARY KEY, body TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS iam_policy (role TEXT, source TEXT, document TEXT NOT NULL, PRIMARY KEY (role, source));
      CREATE TABLE IF NOT EXISTS iam_managed_policy (arn TEXT PRIMARY KEY, document TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS iam_resource_policy (arn TEXT PRIMARY KEY, document TEXT NOT NULL);
      CREATE TABLE IF NOT EXISTS iam_credential (id TEXT PRIMARY KEY, secret TEXT NOT NULL, role TEXT NOT NULL, session TEXT NOT NULL, UNIQUE (role, session));`);
    for (const { body } of this.#all('SELECT body FROM iam_role')) this.#keepRole(JSON.parse(body));
    for (const { role, source, document } of this.#all('SELECT * FROM iam_policy'))
      this.#identity.get(role)?.set(source, new Policy(JSON.parse(document), 'identity'));
    for (const { arn, document } of this.#all('SELECT * FROM iam_resource_policy'))
      this.#resource.set(arn, new Policy(JSON.parse(document), 'resource'));
  }

  get #database(): DatabaseSync {
    return this.#cloud.database;
  }

  #all(sql: string, ...values: string[]): any[] {
    return this.#database.prepare(sql).all(...values);
  }

  #run(sql: string, ...values: string[]): void {
    this.#database.prepare(sql).run(...values);
  }

  #keepRole(role: Role): void {
    this.#trust.set(role.roleName, new Policy(role.trustPolicy, 'trust'));
    this.#roles.set(role.roleName, role);
    if (!this.#identity.has(role.roleName)) this.#identity.set(role.roleName, new Map());
  }

  role(nameOrArn: string): Role {
    const name = nameOrArn.startsWith('arn:') ? nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1) : nameOrArn;
    const role = this.#roles.get(name);
    if (!role || (nameOrArn.startsWith('arn:') && role.arn !== nameOrArn))
      throw new AwsError('NoSuchEntityException', `The role with name ${name} cannot be found.`, { status: 404 });
    return role;
  }

  /** The policies of a role, its own and those that are attached to it. */
  policiesOf(nameOrArn: string): Policy[] {
    return [...(this.#identity.get(this.role(nameOrArn).roleName)?.values() ?? [])];
  }

  /** By their names. */
  roles(): Role[] {
    return [...this.#roles.values()].sort((a, b) => (a.roleName < b.roleName ? -1 : 1));
  }

  putRole(name: string, trustPolicy: object, policies: object[], path = '/'): { arn: string; roleId: string } {
    const before = this.#roles.get(name);
    const role: Role = {
      roleName: name,
      arn: `arn:aws:iam::${this.#cloud.account}:role${path}${name}`,
      // Policies name a role's id (`aws:userid`), so the id lives as long as the role.
      roleId: before?.roleId ?? `AROA${randomId(17)}`,
      path,
      trustPolicy,
      createdAt: before?.createdAt ?? this.#cloud.now(),
    };
    this.#keepRole(role);
    this.#run('INSERT OR REPLACE INTO iam_role VALUES (?, ?)', name, JSON.stringify(role));
    this.#run('DELETE FROM iam_policy WHERE role = ?', name);
    this.#identity.get(name)!.clear();
    policies.forEach((document, index) => this.putRolePolicy(name, `inline:${index}`, document));
    return { arn: role.arn, roleId: role.roleId };
  }

  /** Attaches a policy to a role and replaces the policy of the same source. */
  putRolePolicy(roleName: string, source: string, document: object): void {
    this.role(roleName);
    this.#changed.set(roleName, this.#cloud.now());
    this.#identity.get(roleName)!.set(source, new Policy(document, 'identity'));
    this.#run('INSERT OR REPLACE INTO iam_policy VALUES (?, ?, ?)', roleName, source, JSON.stringify(document));
  }

  putManagedPolicy(arn: string, document: object): void {
    new Policy(document, 'identity');
    this.#run('INSERT OR REPLACE INTO iam_managed_policy VALUES (?, ?)', arn, JSON.stringify(document));
  }

  /**
   * @throws AwsError NoSuchEntityException for a policy that is neither in the template nor one of
   *   AWS_MANAGED
   */
  managedPolicy(arn: string): object {
    const [row] = this.#all('SELECT document FROM iam_managed_policy WHERE arn = ?', arn);
    const document = row ? JSON.parse(row.document) : AWS_MANAGED[arn];
    if (!document)
      throw new AwsError('NoSuchEntityException', `Policy ${arn} does not exist or is not part of the stand-in.`, {
        status: 404,
      });
    return document;
  }

  setResourcePolicy(resourceArn: string, policy: object | undefined): void {
    if (policy === undefined) {
      this.#resource.delete(resourceArn);
      this.#run('DELETE FROM iam_resource_policy WHERE arn = ?', resourceArn);
    } else {
      this.#resource.set(resourceArn, new Policy(policy, 'resource'));
      this.#run('INSERT OR REPLACE INTO iam_resource_policy VALUES (?, ?)', resourceArn, JSON.stringify(policy));
    }
  }

  credentials(roleArn: string, sessionName: string): { accessKeyId: string; secretAccessKey: string } {
    return this.#credentials(this.role(roleArn).arn, sessionName);
  }

  rootCredentials(): { accessKeyId: string; secretAccessKey: string } {
    return this.#credentials('root', 'root');
  }

  #credentials(role: string, session: string): { accessKeyId: string; secretAccessKey: string } {
    const find = () =>
      this.#all('SELECT id, secret FROM iam_credential WHERE role = ? AND session = ?', role, session)[0];
    if (!find())
      this.#run(
        'INSERT INTO iam_credential VALUES (?, ?, ?, ?)',
        `AKIA${randomId(16)}`,
        randomBytes(30).toString('base64'),
        role,
        session,
      );
    const { id, secret } = find();
    return { accessKeyId: id, secretAccessKey: secret };
  }

  /**
   * The caller that signs with this key id, and the secret to verify the signature with; undefined
   * for an unknown key id.
   */
  caller(accessKeyId: string): { caller: Caller; secretAccessKey: string } | undefined {
    const [row] = this.#all('SELECT * FROM iam_credential WHERE id = ?', accessKeyId);
    if (!row) return undefined;
    const caller = row.role === 'root' ? this.root() : this.#session(this.role(row.role), row.session);
    return { caller, secretAccessKey: row.secret };
  }

  root(): Caller {
    const { account } = this.#cloud;
    return { arn: `arn:aws:iam::${account}:root`, account, userId: account };
  }

  service(name: string): Caller {
    return { arn: name, account: this.#cloud.account, userId: name, service: name };
  }

  assume(roleArn: string, { service, session }: { service: string; session: string }): Caller {
    const role = this.role(roleArn);
    const caller = this.service(service);
    // The service acts for this account alone. The stand-in does not know for which resource the
    // service acts, so a trust policy that asks for aws:SourceArn refuses.
    const context = contextOf(globalContext(caller, this.#cloud), { 'aws:SourceAccount': this.#cloud.account });
    const question = { caller, action: 'sts:AssumeRole', resource: role.arn, context };
    this.#decide({ question, identity: [], attached: this.#trust.get(role.roleName)! }, ({ attached }) => {
      if (attached!.decide(question) !== 'allow')
        throw denied(question, 'the trust policy of the role does not allow it');
    });
    return this.#session(role, session);
  }

  #session(role: Role, sessionName: string): Caller {
    return {
      arn: `arn:aws:sts::${this.#cloud.account}:assumed-role/${role.roleName}/${sessionName}`,
      account: this.#cloud.account,
      userId: `${role.roleId}:${sessionName}`,
      roleArn: role.arn,
    };
  }

  authorize(caller: Caller, action: string, resource: string, context: ConditionContext = {}): void {
    // AWS answers this action to every caller with a valid signature, independent of policies.
    if (action === 'sts:GetCallerIdentity') return;
    if (caller.roleArn && this.#cloud.faults.concerns(caller))
      this.#assertSeen(caller.roleArn, { caller, action, resource });
    const own = caller.roleArn ? this.policiesOf(caller.roleArn) : [];
    const question = { caller, action, resource, context: contextOf(context, globalContext(caller, this.#cloud)) };
    this.#decide({ question, identity: own, attached: this.#resourcePolicy(resource) }, decide);
  }

  /** Changes of rights reach AWS's services one after the other. */
  #assertSeen(roleArn: string, question: Pick<Question, 'caller' | 'action' | 'resource'>): void {
    const { roleName } = this.role(roleArn);
    const isNew = this.#cloud.now() - (this.#changed.get(roleName) ?? 0) < RIGHTS_LAG_MS;
    if (isNew && this.#cloud.faults.happens('rightUnseen', `${roleName} ${question.action}`))
      throw denied(question, 'because its rights are too young to be known here');
  }

  #decide(of: Parameters<typeof decide>[0], by: typeof decide): void {
    if (this.#recorded) this.#recorded.of(of, by);
    else by(of);
  }

  /** A bucket's policy covers its objects, a function's policy covers its versions. */
  #resourcePolicy(resource: string): Policy | undefined {
    const owner = /^arn:aws:s3:::[^/]+|^arn:aws:lambda:[^:]*:[^:]*:function:[^:]+/.exec(resource)?.[0];
    return this.#resource.get(resource) ?? (owner ? this.#resource.get(owner) : undefined);
  }
}

const randomId = (length: number) =>
  Array.from({ length }, () => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[randomInt(32)]).join('');
