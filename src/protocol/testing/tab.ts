/** One tab of a room in virtual time: its node, its connections, and what it was told. */

import type { PeerId } from '../../util/peer-id.ts';
import type { Effect, TimerName } from '../effects.ts';
import type { MemberStatus } from '../frames.ts';
import type { Node } from '../node.ts';

/** A connection between two tabs, open or in the making. */
export interface Wire {
  readonly initiator: PeerId;
  open: boolean;
  /** Cut by a partition: nothing passes any more. */
  cut: boolean;
}

export class Tab {
  readonly id: PeerId;
  readonly node: Node;
  /** Effects of the kinds that layers above see, in order, with their time. */
  readonly told: { readonly at: number; readonly effect: Effect }[] = [];
  readonly wires = new Map<PeerId, Wire>();
  readonly timers = new Map<TimerName, object>();
  joined = false;
  alive = true;
  /** What waits while the tab is frozen; `undefined` while it runs. */
  waiting: (() => void)[] | undefined;

  constructor(id: PeerId, node: Node) {
    this.id = id;
    this.node = node;
  }

  /** What this tab takes `peer` for. */
  statusOf(peer: PeerId): MemberStatus | undefined {
    return this.node.members.find(({ id }) => id === peer)?.status;
  }

  /** Statuses that this tab was told of `peer`, in order. */
  historyOf(peer: PeerId): MemberStatus[] {
    return this.told.flatMap(({ effect }) =>
      effect.type === 'member' && effect.change.entry.id === peer
        ? [effect.change.entry.status]
        : [],
    );
  }

  /** Effects of one type, in order. */
  all<T extends Effect['type']>(type: T): Extract<Effect, { type: T }>[] {
    return this.told.flatMap(({ effect }) =>
      effect.type === type ? [effect as Extract<Effect, { type: T }>] : [],
    );
  }
}
