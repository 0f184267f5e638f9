/** Arguments and options that several commands have, as the parser wants them. */
import { FILE } from './command.ts';

/** Loads the list of public suffixes, which takes time, only if a name was typed. */
export const names = () => import('../core/certificate/names.ts');

export const domain = {
  placeholder: 'DOMAIN',
  brief: 'The domain that the mail addresses end in, for example example.com.',
  parse: async (text: string) => (await names()).parseDomain(text, { field: 'the domain' }),
};
/** @param as the name of the value in a refusal */
export const server = (as: string) => ({
  placeholder: 'SERVER',
  brief: 'The host name of a mail server, for example mx1.provider.example.',
  parse: async (text: string) => (await names()).parseHostName(text, { field: as }),
});
export const file = {
  placeholder: 'FILE',
  parse: String,
  proposeCompletions: (partial: string) => [`${partial}${FILE}`],
};
export const text = { kind: 'parsed', optional: true } as const;
/** Several values with commas. */
export const list = { ...text, parse: (given: string) => given.split(',') };
export const flag = { kind: 'boolean', optional: true, withNegated: false } as const;
export const one = <const T>(parameter: T) => ({ kind: 'tuple', parameters: [parameter] }) as const;
