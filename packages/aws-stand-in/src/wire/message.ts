/**
 * An HTTP request as it arrived: path percent-encoded, query decoded, header names in lower case.
 */
export interface Message {
  method: string;
  path: string;
  query: Record<string, string[]>;
  headers: Record<string, string>;
  body: Uint8Array;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/**
 * `json`: X-Amz-Target names the operation. `query`: form fields in, XML out. `rest`: method, path
 * and query name the operation.
 */
export type Dialect = 'json' | 'query' | 'rest';
