/** Steps that many browser tests share. */

import { expect, type Page } from '@playwright/test';

/** Joins `room` in every page and waits until all know of each other and each has a link. */
export async function joinAll(
  pages: readonly Page[],
  room: string,
  options: Record<string, unknown>,
): Promise<void> {
  for (const page of pages) {
    await page.evaluate(([name, given]) => lab.join(name, given), [room, options] as const);
  }
  await expectLinked(pages);
}

/** Waits until every page counts all of `pages` as members, and is linked. */
export async function expectLinked(pages: readonly Page[]): Promise<void> {
  for (const page of pages) {
    await expect
      .poll(() => page.evaluate(() => [lab.mesh.members.length, lab.links() > 0]))
      .toEqual([pages.length, true]);
  }
}

/** Waits until every page shows exactly `text`. */
export async function expectText(pages: readonly Page[], text: string): Promise<void> {
  for (const page of pages) await expect.poll(() => page.evaluate(() => lab.text())).toBe(text);
}

/** Waits until all pages hold the same memory, and returns its digest. */
export async function expectSameDigest(pages: readonly Page[]): Promise<string> {
  let digests: string[] = [];
  await expect
    .poll(async () => {
      digests = await Promise.all(pages.map((page) => page.evaluate(() => lab.mesh.digest())));
      return new Set(digests).size;
    })
    .toBe(1);
  return digests[0] as string;
}

/** The value below which `share` of `values` lie (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** One line on `values` in milliseconds, for the report of a run. */
export function spread(values: readonly number[]): string {
  const at = (share: number) => percentile(values, share).toFixed(1);
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms over ${values.length}`;
}
