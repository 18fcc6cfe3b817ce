/** What goes into the node machine and what comes out (SPEC.md, section 1). */

import type { MeshErrorCode } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Averaging } from './aggregates/averaging.ts';
import type { MemberChange } from './membership/member-table.ts';
import type { ByeReason, RelayKind } from './wire.ts';

/** The machine's one timer; setting it replaces it. */
export type TimerName = 'tick';

export type Input =
  /** Join the room: after construction, and again after `stop`. */
  | { readonly type: 'start' }
  /** Leave the room; links are told and closed. */
  | { readonly type: 'stop' }
  /** Signaling told of peers in the room. */
  | {
      readonly type: 'candidates';
      readonly peers: readonly PeerId[];
      /** Tabs in the room in all, where signaling knows. */
      readonly total?: number | undefined;
    }
  /** A peer asks to be dialed, since one takes the other for dead. */
  | { readonly type: 'knocked'; readonly peer: PeerId }
  /** Send something over other tabs to any tab of the room; of a signal `channel` is a number of the sender's own. */
  | {
      readonly type: 'relay';
      readonly kind: 'signal' | 'message';
      readonly to: PeerId;
      readonly channel: number;
      readonly payload: Uint8Array;
    }
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
  /** Take part in aggregates from now on, once; handed in, so that a tab without need not load them. */
  | { readonly type: 'joinAggregates'; readonly averaging: typeof Averaging }
  /** Set this tab's value of an aggregate, or clear it. */
  | { readonly type: 'aggregate'; readonly name: string; readonly value: number | undefined }
  /** The replica that this tab writes as: a session of a greater generation supersedes the one before. */
  | { readonly type: 'identity'; readonly replica: string; readonly generation: number }
  /** The tab was hidden or shown. */
  | { readonly type: 'visibility'; readonly hidden: boolean }
  /**
   * Memory changed or was found to differ: rounds come at their shortest interval again, and in haste
   * where a comparison brought something, which neighbors may lack.
   */
  | { readonly type: 'activity'; readonly gained?: boolean }
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
  /** Ask `peer`, by signaling or the mesh, to dial this tab, should it live: input `knocked` there. */
  | { readonly type: 'knock'; readonly peer: PeerId }
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
  /** Signaling text that came over other tabs. */
  | { readonly type: 'signal'; readonly from: PeerId; readonly payload: Uint8Array }
  /** A message that came over other tabs; `from` is their claim. */
  | {
      readonly type: 'routed';
      readonly channel: number;
      readonly from: PeerId;
      readonly payload: Uint8Array;
    }
  /** What was relayed to `to`, as this kind and on this channel, could not be carried there. */
  | {
      readonly type: 'unroutable';
      readonly kind: RelayKind;
      readonly to: PeerId;
      readonly channel: number;
    }
  | { readonly type: 'neighborUp'; readonly peer: PeerId }
  | { readonly type: 'neighborDown'; readonly peer: PeerId; readonly reason: ByeReason | 'lost' }
  | { readonly type: 'member'; readonly change: MemberChange }
  /** The estimate of an aggregate changed. */
  | { readonly type: 'aggregate'; readonly name: string }
  /** Compare memory with a neighbor. */
  | { readonly type: 'compare'; readonly peer: PeerId }
  | { readonly type: 'error'; readonly code: MeshErrorCode; readonly message: string };
