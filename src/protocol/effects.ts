/** What goes into the node machine and what comes out (SPEC.md, section 1). */

import type { MeshErrorCode } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { ByeReason } from './frames.ts';
import type { MemberChange } from './members.ts';

/** The machine's timers; setting one replaces it. */
export type TimerName = 'tick' | 'round' | 'announce';

export type Input =
  /** Join the room: after construction, and again after `stop`. */
  | { readonly type: 'start' }
  /** Leave the room; links are told and closed. */
  | { readonly type: 'stop' }
  /** Signaling told of peers in the room. */
  | { readonly type: 'candidates'; readonly peers: readonly PeerId[] }
  /** The other side began a connection that this side answers. */
  | { readonly type: 'incoming'; readonly peer: PeerId }
  /** A connection with `peer` is open. */
  | { readonly type: 'linkUp'; readonly peer: PeerId }
  /**
   * A connection, open or in the making, ended without this machine's `hangUp`; `byPeer` where the
   * other side closed it, and it did not break.
   */
  | { readonly type: 'linkDown'; readonly peer: PeerId; readonly byPeer: boolean }
  /** The network path under a link broke or came back. */
  | { readonly type: 'interrupted'; readonly peer: PeerId; readonly broken: boolean }
  | { readonly type: 'frame'; readonly peer: PeerId; readonly bytes: Uint8Array }
  | { readonly type: 'timer'; readonly name: TimerName }
  /** Tell every tab of the room. */
  | { readonly type: 'broadcast'; readonly channel: number; readonly payload: Uint8Array }
  /** Tell one neighbor. */
  | {
      readonly type: 'direct';
      readonly peer: PeerId;
      readonly channel: number;
      readonly payload: Uint8Array;
    }
  /** The tab was hidden or shown. */
  | { readonly type: 'visibility'; readonly hidden: boolean }
  /** Memory changed or was found to differ: rounds come at their shortest interval again. */
  | { readonly type: 'activity' }
  /** A layer above found that `peer` breaks the protocol. */
  | { readonly type: 'misbehaved'; readonly peer: PeerId; readonly what: string };

export type Effect =
  | {
      readonly type: 'send';
      readonly peer: PeerId;
      readonly bytes: Uint8Array;
      readonly lane: 'control' | 'bulk';
    }
  | { readonly type: 'dial'; readonly peer: PeerId }
  /** End the connection with `peer`, open or in the making; no `linkDown` follows. */
  | { readonly type: 'hangUp'; readonly peer: PeerId }
  /** Ask signaling for more peers. */
  | { readonly type: 'find' }
  | { readonly type: 'timer'; readonly name: TimerName; readonly delay: number }
  | { readonly type: 'cancelTimers' }
  /** A rumor on a channel of the layers above. */
  | {
      readonly type: 'deliver';
      readonly channel: number;
      readonly origin: PeerId;
      readonly payload: Uint8Array;
    }
  | {
      readonly type: 'direct';
      readonly channel: number;
      readonly peer: PeerId;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'neighborUp'; readonly peer: PeerId }
  | { readonly type: 'neighborDown'; readonly peer: PeerId; readonly reason: ByeReason | 'lost' }
  | { readonly type: 'member'; readonly change: MemberChange }
  /** Compare memory with a neighbor. */
  | { readonly type: 'compare'; readonly peer: PeerId }
  | { readonly type: 'error'; readonly code: MeshErrorCode; readonly message: string };
