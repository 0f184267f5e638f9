/**
 * The parameters of a CloudFormation template: the given values, checked against the declarations.
 */

export interface ParameterDeclaration {
  Type: string;
  Default?: string | number;
  AllowedPattern?: string;
  AllowedValues?: (string | number)[];
  MinLength?: number | string;
  MaxLength?: number | string;
  ConstraintDescription?: string;
  Description?: string;
  NoEcho?: boolean | string;
}

const UNDERSTOOD = [
  'Type',
  'Default',
  'AllowedPattern',
  'AllowedValues',
  'MinLength',
  'MaxLength',
  'ConstraintDescription',
  'Description',
  'NoEcho',
];

/** The longest value of a parameter (CloudFormation quotas). */
const MAX_VALUE_BYTES = 4_096;

/**
 * CDK adds it to each stack for a rule that asks a bootstrap stack for its version. Nothing else
 * refers to it.
 */
const BOOTSTRAP_VERSION = 'BootstrapVersion';

/**
 * The value of `Ref` for each parameter: text, or a list for CommaDelimitedList.
 * @throws Error with the parameter's name
 */
export function parameterValues(
  declared: Record<string, ParameterDeclaration>,
  given: Record<string, string>,
): [string, string | string[]][] {
  const stranger = Object.keys(given).find(name => !Object.hasOwn(declared, name));
  if (stranger) throw new Error(`Parameters.${stranger}: given, but the template does not have it`);
  return Object.entries(declared)
    .filter(([name]) => name !== BOOTSTRAP_VERSION)
    .map(([name, declaration]) => [name, parameterValue(name, declaration, given[name])]);
}

function parameterValue(name: string, declaration: ParameterDeclaration, given: string | undefined): string | string[] {
  const unknown = Object.keys(declaration).find(key => !UNDERSTOOD.includes(key));
  if (unknown) throw new Error(`Parameters.${name}.${unknown}: not understood`);
  const value = given ?? declaration.Default;
  if (value === undefined) throw new Error(`Parameters.${name}: has no default and was not given`);
  switch (declaration.Type) {
    case 'String':
      check(name, declaration, String(value));
      return String(value);
    case 'CommaDelimitedList': {
      // CloudFormation splits at the commas, so '' is a list of one empty string.
      const list = String(value)
        .split(',')
        .map(element => element.trim());
      for (const element of list) check(name, declaration, element);
      return list;
    }
    default:
      throw new Error(`Parameters.${name}.Type: ${declaration.Type} is not understood`);
  }
}

function check(name: string, declaration: ParameterDeclaration, value: string): void {
  const { AllowedPattern, AllowedValues, MinLength, MaxLength, ConstraintDescription, NoEcho } = declaration;
  const shown = NoEcho === undefined || String(NoEcho) === 'false' ? JSON.stringify(value) : 'the value';
  const refuse = (constraint: string): never => {
    throw new Error(
      `Parameters.${name}: ${shown} ${constraint}${ConstraintDescription ? ` (${ConstraintDescription})` : ''}`,
    );
  };
  if (Buffer.byteLength(value) > MAX_VALUE_BYTES) refuse(`is longer than ${MAX_VALUE_BYTES} bytes`);
  // CloudFormation's pattern must match the whole value.
  if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value))
    refuse(`does not fit AllowedPattern ${AllowedPattern}`);
  if (AllowedValues !== undefined && !AllowedValues.map(String).includes(value))
    refuse(`is not in AllowedValues ${AllowedValues.join(', ')}`);
  if (value.length < Number(MinLength ?? 0)) refuse(`is shorter than MinLength ${MinLength}`);
  if (value.length > Number(MaxLength ?? Infinity)) refuse(`is longer than MaxLength ${MaxLength}`);
}
