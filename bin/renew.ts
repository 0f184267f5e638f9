/** `sealpost renew`: one domain, a server's, or all, a part at a time until there is no more. */
import { showDomain } from '../core/certificate/names.ts';
import type { Renewed, RenewRequest } from '../core/renewal/renew.ts';

/** How many names are listed: of more the numbers tell. */
const MOST_NAMES = 20;

/**
 * @param say one line of progress
 * @returns the closing line
 */
export async function renewAll(
  request: RenewRequest,
  renew: (request: RenewRequest) => Promise<Renewed>,
  say: (line: string) => void,
): Promise<string> {
  let [asked, already] = [0, 0];
  let after: string | undefined;
  do {
    const part: Renewed = await renew({ ...request, ...(after !== undefined && { after }) });
    asked += part.asked.length;
    already += part.already.length;
    after = part.after;
    for (const domain of part.already.slice(0, MOST_NAMES))
      say(`${showDomain(domain)} was renewed within the last hour because somebody asked; it is left as it is.`);
    for (const domain of asked <= MOST_NAMES ? part.asked : []) say(`${showDomain(domain)} is tried now.`);
    if (after !== undefined) say(`${asked} so far`);
  } while (after !== undefined);
  return `${asked} to be renewed, at once and not in the quiet hour${already > 0 ? `; ${already} were just now` : ''}. npx sealpost watch shows it.`;
}
