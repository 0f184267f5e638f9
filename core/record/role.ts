/** Who may open a session of a mail server's role. */

/**
 * A principal that may assume the role chooses the name of its session, and with that name the
 * prefix that it may read. So only these two services may assume it.
 */
const TRUSTED = ['ec2.amazonaws.com', 'ec2.amazonaws.com.cn', 'ssm.amazonaws.com'];

/** @returns the other principals: each of them could read the keys of every server of the role */
export function strangersIn(trusted: string[]): string[] {
  return trusted.filter(who => !TRUSTED.includes(who));
}
