/** A store of several aggregates, made from the items file of each. */
import type { Table } from './table.ts';

/** What an items file exports: the methods of one aggregate, on a table. */
export type ItemsOf = (table: Table) => object;

/** The methods of all of them. */
export type Composed<M extends readonly ItemsOf[]> = M extends readonly [
  infer F extends ItemsOf,
  ...infer Rest extends readonly ItemsOf[],
]
  ? ReturnType<F> & Composed<Rest>
  : unknown;

export function composed<const M extends readonly ItemsOf[]>(table: Table, items: M): Composed<M> {
  return Object.assign({}, ...items.map(make => make(table))) as Composed<M>;
}
