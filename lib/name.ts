/** The name of a deployment, with which the names of its resources begin. */

/**
 * The names of roles begin with it, which have 64 characters at most. The longest is
 * `<name>-mail-server-<region>`.
 */
export const MOST_CHARACTERS = 64 - '-mail-server-ap-southeast-1'.length;

/**
 * @param rest.of for the message: whose name it is
 * @throws Error
 */
export function mustBeName(name: string, { of }: { of: string }): void {
  // The names of the SSM document and of the issuers' parameters begin with it.
  if (/^(aws|ssm|amazon|amzn)/i.test(name))
    throw new Error(`${of} ${name} begins as AWS's own names do (aws, ssm, amazon, amzn)`);
  if (name.length > MOST_CHARACTERS) throw new Error(`${of} ${name} has more than ${MOST_CHARACTERS} characters`);
  if (!/^[A-Za-z0-9-]+$/.test(name)) throw new Error(`${of} ${name} has other characters than letters, digits and -`);
}
