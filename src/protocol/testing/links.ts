/** Links that stand, for tests of the machines that work over them. */

import type { PeerId } from '../../util/peer-id.ts';
import { type Link, LinkTable } from '../overlay/link-table.ts';

/** The peer of a letter or two: `a` is aaa…, `ab` is abab…. */
export const peer = (digits: string): PeerId => digits.repeat(32).slice(0, 32);

/** A table with these peers as neighbors. */
export function linksWith(...neighbors: PeerId[]): LinkTable {
  const links = new LinkTable();
  for (const neighbor of neighbors) links.promote(links.open(neighbor));
  return links;
}

export function linkOf(links: LinkTable, of: PeerId): Link {
  return links.get(of) as Link;
}
