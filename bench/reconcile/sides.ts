/** What the sides of the reconciliation bench have in common: the records. */

export interface Case {
  readonly records: number;
  /** Of them so many were changed, one half on each side. */
  readonly changed: number;
}

export interface Figures extends Case {
  readonly side: string;
  readonly bytes: number;
  readonly messages: number;
  readonly syncMs: number;
  readonly buildMs: number;
}

export interface Side {
  readonly name: string;
  /** Cases of more records take it too long. */
  readonly maxRecords: number;
  measure(each: Case): Promise<Figures>;
}

export const keyOf = (i: number): string => `item-${i}`;
export const textOf = (i: number): string => `the value of record ${i}`;

/** The records that are changed on one side: spread evenly, and on no other side. */
export function changedOn(side: 0 | 1, { records, changed }: Case): number[] {
  const count = side === 0 ? Math.ceil(changed / 2) : Math.floor(changed / 2);
  const stride = Math.max(1, Math.floor(records / Math.max(1, changed)));
  return Array.from({ length: count }, (_, i) => (2 * i + side) * stride);
}

export const changedTextOf = (i: number): string => `a changed value of record ${i}`;
