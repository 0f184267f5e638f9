/** The pages in which Systems Manager answers with a list. */
import { AwsError } from '../service/service.ts';

/**
 * @param size how many items a page has: by default, and at least and at most if the caller asks
 * @throws AwsError ValidationException, InvalidNextToken
 */
export function paged<T>(
  all: T[],
  { MaxResults, NextToken = '0' }: { MaxResults?: number; NextToken?: string },
  size: { usual: number; least: number; most: number },
): { page: T[]; NextToken?: string } {
  const length = MaxResults ?? size.usual;
  for (const [isOutside, bound] of [
    [length < size.least, `greater than or equal to ${size.least}`],
    [length > size.most, `less than or equal to ${size.most}`],
  ])
    if (isOutside)
      throw new AwsError(
        'ValidationException',
        `1 validation error detected: Value '${length}' at 'maxResults' failed to satisfy constraint: Member must have value ${bound}`,
      );
  const from = Number(NextToken);
  if (!Number.isInteger(from)) throw new AwsError('InvalidNextToken', 'The specified token is not valid.');
  const to = from + length;
  return { page: all.slice(from, to), NextToken: to < all.length ? String(to) : undefined };
}
