/**
 * The settings in the template: one parameter each, and the environment of each function that reads
 * some of them.
 */
import { CfnParameter, type Stack } from 'aws-cdk-lib';
import type { FunctionName } from './function-names.ts';
import { settings, variableOf, type SettingName } from './settings.ts';

const names = Object.keys(settings) as SettingName[];

export type StackParameters = Record<SettingName, CfnParameter>;
/** The values that functions have in their environment, as text; may be tokens. */
export type Settings = Record<Exclude<SettingName, 'SenderRoleArns'>, string>;

export function parameters(stack: Stack): StackParameters {
  const declared = names.map(name => {
    const { isList, readBy: _, variable: __, ...properties } = settings[name];
    return [name, new CfnParameter(stack, name, { type: isList ? 'CommaDelimitedList' : 'String', ...properties })];
  });
  return Object.fromEntries(declared) as StackParameters;
}

export function valuesOf({ SenderRoleArns: _, ...declared }: StackParameters): Settings {
  const values = Object.entries(declared).map(([name, parameter]) => [name, parameter.valueAsString]);
  return Object.fromEntries(values) as Settings;
}

/** @returns the settings that the function reads, by the names in its environment */
export function settingsOf(reader: FunctionName, values: Settings): Record<string, string> {
  const read = (Object.keys(values) as (keyof Settings)[]).filter(name => settings[name].readBy.includes(reader));
  return Object.fromEntries(read.map(name => [variableOf(name), values[name]]));
}
