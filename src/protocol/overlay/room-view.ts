/** What the overlay asks of the membership. */

import type { PeerId } from '../../util/peer-id.ts';
import type { MemberEntry } from '../wire.ts';
import type { RouteGraph } from './routes.ts';

/** Who is linked with whom, as far as is known. */
export interface RoomGraph extends RouteGraph {
  /** How many neighbors the member lists; 0 where nothing is known. */
  linksOf(id: PeerId): number;
}

export interface RoomView {
  readonly self: MemberEntry;
  /** Present members known, this tab included. */
  readonly count: number;
  /** Members of the room, estimated where not all are known. */
  readonly size: number;
  /** Whether only a part of the members is known. */
  readonly isPartial: boolean;
  readonly graph: RoomGraph;
  isPresent(id: PeerId): boolean;
  present(): Iterable<MemberEntry>;
}
