/** The functions of lib/functions.ts in the template, each with its own role and log group. */
import { Duration, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { functionNames, kebab, type FunctionName } from './function-names.ts';
import { rows, type Row, type Variable } from './functions.ts';
import { acknowledgeWide } from './nag.ts';
import { settingsOf } from './parameters.ts';
import { machineArn, rights, type Resources } from './rights.ts';
import { allow } from './statements.ts';

/** A function's code. */
export interface Bundle {
  /** Has index.js, which exports `handler`. */
  directory: string;
}

export interface FunctionsParts extends Resources {
  stack: Stack;
  deadLetters: sqs.Queue;
  bundles: Record<string, Bundle>;
}

export class Functions extends Construct {
  readonly byName: Record<FunctionName, lambda.Function>;
  /** The roles of the functions that put events on the bus. */
  readonly publishers: iam.IRole[];

  constructor(scope: Construct, id: string, parts: FunctionsParts) {
    super(scope, id);
    const table = rows(rights(parts.stack, parts));
    const made = functionNames.map(name => [name, this.make(name, table[name], parts)]);
    this.byName = Object.fromEntries(made) as Record<FunctionName, lambda.Function>;
    const publishes = ({ actions }: iam.PolicyStatement) => actions.includes('events:PutEvents');
    this.publishers = functionNames
      .filter(name => table[name].rights.some(publishes))
      .map(name => this.byName[name].role!);
  }

  private make(name: FunctionName, row: Row, parts: FunctionsParts): lambda.Function {
    const { deadLetters } = parts;
    const functionName = `${parts.name}-${kebab(name)}`;
    const logGroup = new logs.LogGroup(this, `${name}Logs`, {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const writeLogs = allow('WriteLogs', ['logs:CreateLogStream', 'logs:PutLogEvents'], { on: [logGroup.logGroupArn] });
    const sendDeadLetters = allow('KeepDeadLetters', ['sqs:SendMessage'], { on: [deadLetters.queueArn] });
    const statements = [...row.rights, writeLogs, ...(row.woken === 'by an event' ? [sendDeadLetters] : [])];
    const role = new iam.Role(this, `${name}Role`, {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `What ${functionName} may do; its row is in lib/functions.ts`,
      inlinePolicies: { rights: new iam.PolicyDocument({ statements }) },
    });
    acknowledgeWide(role, row.rights);
    return new lambda.Function(this, name, {
      functionName,
      description: `sealpost: ${name}`,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(parts.bundles[name]!.directory),
      memorySize: row.memory,
      timeout: Duration.seconds(row.timeout),
      role: role.withoutPolicyUpdates(),
      logGroup,
      environment: environment(name, row, parts),
      ...(row.woken === 'by an event' && { deadLetterQueue: deadLetters }),
      ...(row.woken === 'by a schedule' && { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    });
  }
}

function environment(name: FunctionName, row: Row, parts: FunctionsParts): Record<string, string> {
  const { stack, storage, mailServers } = parts;
  const values: Record<Variable, string> = {
    STACK: parts.name,
    TABLE: storage.table.tableName,
    CERTIFICATE_BUCKET: storage.certificates.bucketName,
    DELIVERY_BUCKET: storage.deliveries.bucketName,
    DELIVERY_BUCKET_URL: mailServers.deliveryBucketUrl,
    KEY: storage.key.keyArn,
    BUS: parts.name,
    DOCUMENT: mailServers.documentName,
    MAIL_SERVER_ROLE: mailServers.role.roleName,
    SECURE_DOMAIN: machineArn('secure-domain', { stack, of: parts.name }),
    DELIVER_TO_SERVER: machineArn('deliver-to-server', { stack, of: parts.name }),
    ISSUER_PARAMETERS: `/${parts.name}/issuers`,
  };
  const resources = Object.fromEntries(row.variables.map(variable => [variable, values[variable]]));
  return { ...resources, ...settingsOf(name, parts.settings) };
}
