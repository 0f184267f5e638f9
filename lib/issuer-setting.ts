/** The pattern of the parameter `Issuers`: CloudFormation refuses what does not fit before it changes anything. core/acme/issuer.ts reads it. */

/** A value, or `"key":value`, with white space where JSON may have it. */
const key = (name: string, value: string) => `"${name}"\\s*:\\s*${value}`;
const list = (one: string) => `${one}(\\s*,\\s*${one})*`;

const limit = '"[1-9][0-9]{0,6} in [1-9][0-9]{0,3} [hd]"';
const limits = list(
  `(${key('account', limit)}|${key('registeredDomain', limit)}|${key('exactSet', limit)}|${key('source', '"[^"]{1,200}"')})`,
);
const optional = [
  key('profile', '"[a-z0-9-]{1,40}"'),
  key('staging', '(true|false)'),
  key('externalAccount', '(true|false)'),
  key('limits', `\\{\\s*${limits}\\s*\\}`),
].join('|');
const issuer = [
  '\\{\\s*',
  key('name', '"[a-z0-9][a-z0-9-]{0,31}"'),
  '\\s*,\\s*',
  key('directory', '"https://[^\\s"]+"'),
  `(\\s*,\\s*(${optional}))*`,
  '\\s*\\}',
].join('');

export const issuersPattern = `\\s*\\[\\s*${list(issuer)}\\s*\\]\\s*`;

export const issuersConstraint =
  'must be a JSON list of issuers, each {"name":"letsencrypt","directory":"https://…"} in this order, then as needed "profile":"tlsserver", "staging":true, "externalAccount":true, "limits":{"account":"300 in 3 h","registeredDomain":"50 in 7 d","exactSet":"5 in 7 d","source":"where and when you read them"}';
