/**
 * The settings in the template: one parameter each, and the environment of each function that reads
 * some of them.
 */
import { CfnParameter, type Stack } from 'aws-cdk-lib';
import type { FunctionName } from './function-names.ts';
import { settings, variableOf, type SettingName } from './settings.ts';

const names = Object.keys(settings) as SettingName[];

export type StackParameters = Record<SettingName, CfnParameter>;

export function parameters(stack: Stack): StackParameters {
  const declared = names.map(name => {
    const { isList, readBy: _, variable: __, ...properties } = settings[name];
    return [name, new CfnParameter(stack, name, { type: isList ? 'CommaDelimitedList' : 'String', ...properties })];
  });
  return Object.fromEntries(declared) as StackParameters;
}

/** @returns the settings that the function reads, by the names in its environment */
export function settingsOf(reader: FunctionName, declared: StackParameters): Record<string, string> {
  const read = names.filter(name => settings[name].readBy.includes(reader));
  return Object.fromEntries(read.map(name => [variableOf(name), declared[name].valueAsString]));
}
