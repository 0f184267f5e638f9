/**
 * Parameter Store: String parameters in the clear, SecureString as KMS ciphertext that is bound to
 * the parameter's ARN.
 */
import type * as model from '@aws-sdk/client-ssm';
import { arn, AwsError } from '../service/service.ts';
import type { Call, Caller, Cloud, Operation } from '../service/service.ts';
import type { Kms } from '../kms/kms.ts';
import { refuse, refuseOthers } from '../service/refusal.ts';

const maxValueBytes = 4_096;
/** Of a name, with the part of the ARN before it. */
const maxNameCharacters = 1_011;
const maxLevels = 15;
/** AWS has this one text for each name that is not valid. */
const NAME_RULE =
  'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_';

interface Row {
  name: string;
  type: 'String' | 'SecureString';
  /** The value, or its KMS ciphertext in base64. */
  value: string;
  keyId: string | null;
  version: number;
  modifiedAt: number;
}

export function parameters(cloud: Cloud): Record<string, Operation> {
  cloud.database.exec(`CREATE TABLE IF NOT EXISTS ssm_parameters (
    name TEXT PRIMARY KEY, type TEXT NOT NULL, value TEXT NOT NULL, keyId TEXT,
    version INTEGER NOT NULL, modifiedAt INTEGER NOT NULL)`);
  const select = cloud.database.prepare('SELECT * FROM ssm_parameters WHERE name = ?');
  const insert = cloud.database.prepare(
    'INSERT INTO ssm_parameters VALUES (:name, :type, :value, :keyId, 1, :modifiedAt) ON CONFLICT DO NOTHING RETURNING version',
  );
  const replace = cloud.database.prepare(
    `INSERT INTO ssm_parameters VALUES (:name, :type, :value, :keyId, 1, :modifiedAt)
     ON CONFLICT DO UPDATE SET type = :type, value = :value, keyId = :keyId, version = version + 1, modifiedAt = :modifiedAt RETURNING version`,
  );

  const parameterArn = (name: string) => arn(cloud, 'ssm', `parameter/${name.replace(/^\//, '')}`);

  /** A name, or the parameter's ARN. Versions and labels (`name:3`) are not kept. */
  function nameOf(nameOrArn: string): string {
    const name = nameOrArn.startsWith('arn:') ? (nameOrArn.split(':parameter')[1] ?? '') : nameOrArn;
    if (name.includes(':')) refuse(`a parameter's version or label (${name})`);
    if (
      !/^(\/[\w./-]*|[\w.-]+)$/.test(name) ||
      parameterArn(name).length > maxNameCharacters ||
      /^\/?(aws|ssm)/i.test(name)
    )
      throw new AwsError('ValidationException', NAME_RULE);
    if (name.split('/').length - 1 > maxLevels)
      throw new AwsError(
        'HierarchyLevelLimitExceededException',
        `A hierarchy can have a maximum of ${maxLevels} levels.`,
      );
    return name;
  }

  function stored(name: string): Row {
    const row = select.get(name) as Row | undefined;
    if (row === undefined) throw new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
    return row;
  }

  function putParameter(input: model.PutParameterCommandInput, call: Call) {
    refuseOthers('PutParameter', input, ['Name', 'Value', 'Type', 'KeyId', 'Overwrite', 'Description', 'Tier']);
    if (input.Name!.startsWith('arn:')) throw new AwsError('ValidationException', NAME_RULE);
    const name = nameOf(input.Name!);
    call.authorize('ssm:PutParameter', parameterArn(name));
    if (input.Tier !== undefined && input.Tier !== 'Standard') refuse(`the tier ${input.Tier}`);
    const before = (select.get(name) as Row | undefined)?.type;
    const type = input.Type ?? before;
    if (type === undefined)
      throw new AwsError('ValidationException', 'A parameter type is required when you create a parameter.');
    if (input.Overwrite && before !== undefined && type !== before)
      throw new AwsError(
        'HierarchyTypeMismatchException',
        `The parameter ${name} has the type ${before}; its type cannot change to ${type}.`,
      );
    if (type !== 'String' && type !== 'SecureString') refuse(`a parameter of type ${type}`);
    if (!input.Value)
      throw new AwsError(
        'ValidationException',
        "Value at 'value' failed to satisfy constraint: Member must not be empty",
      );
    if (/\{\{[^{}]*\}\}/.test(input.Value))
      throw new AwsError(
        'ValidationException',
        "Parameter value: can't nest another parameter. Do not use {{}} in the value.",
      );
    if (Buffer.byteLength(input.Value) > maxValueBytes)
      throw new AwsError(
        'ValidationException',
        `Standard tier parameters support a maximum parameter value of ${maxValueBytes} characters.`,
      );
    const keyId = type === 'SecureString' ? (input.KeyId ?? 'alias/aws/ssm') : null;
    const value = keyId === null ? input.Value : encrypt(call.caller, { name, keyId, value: input.Value });
    const row = {
      name,
      type,
      value,
      keyId,
      modifiedAt: cloud.now(),
    };
    const written = (input.Overwrite ? replace : insert).get(row) as { version: number } | undefined;
    if (written === undefined)
      throw new AwsError(
        'ParameterAlreadyExists',
        'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
      );
    return { Version: written.version, Tier: 'Standard' };
  }

  /** The standard tier: KMS itself encrypts the value, under the caller's own rights on the key. */
  function encrypt(caller: Caller, { name, keyId, value }: { name: string; keyId: string; value: string }): string {
    const context = { PARAMETER_ARN: parameterArn(name) };
    const { ciphertext } = cloud.service<Kms>('kms').encryptFor(caller, keyId, Buffer.from(value), context, 'ssm');
    return Buffer.from(ciphertext).toString('base64');
  }

  function decrypt(caller: Caller, row: Row): string {
    const context = { PARAMETER_ARN: parameterArn(row.name) };
    const ciphertext = Buffer.from(row.value, 'base64');
    return Buffer.from(cloud.service<Kms>('kms').decryptFor(caller, ciphertext, context, 'ssm').plaintext).toString();
  }

  function getParameter(input: model.GetParameterCommandInput, call: Call) {
    const name = nameOf(input.Name!);
    call.authorize('ssm:GetParameter', parameterArn(name));
    const row = stored(name);
    const Value = row.type === 'SecureString' && input.WithDecryption ? decrypt(call.caller, row) : row.value;
    return {
      Parameter: {
        Name: name,
        Type: row.type,
        Value,
        Version: row.version,
        ARN: parameterArn(name),
        LastModifiedDate: new Date(row.modifiedAt),
        DataType: 'text',
      },
    };
  }

  return {
    PutParameter: putParameter,
    GetParameter: getParameter,
  };
}
