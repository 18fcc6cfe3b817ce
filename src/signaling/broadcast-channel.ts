/**
 * Signaling among the tabs of one browser profile and origin, by BroadcastChannel, with no server.
 *
 * On entering a topic and on `find`, a tab says `hello`; others answer `here`. Every message is
 * heard by every tab, so with more than 16 tabs in the topic each answers with a probability that
 * makes about 8 answers. A tab that closes says `bye`. What arrives is checked as if it were
 * hostile, since any script of the origin can write to the channel.
 */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import { messageOf } from '../util/errors.ts';
import { isPeerId, type PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';
import { isData } from './messages.ts';

/** Up to this many other tabs, every one answers a `hello`. */
export const ALL_ANSWER_TABS = 16;

/** About so many answers come where there are more tabs. */
export const EXPECTED_ANSWERS = 8;

/** Most tabs that are remembered in a topic; the longest unheard are forgotten first. */
const MAX_TABS = 1_024;

/** What `broadcastChannelSignaling` needs. */
export interface BroadcastChannelOptions {
  /** This tab. */
  readonly peer: PeerId;
  /** Decides who answers in a crowd. */
  readonly random: Random;
}

type ChannelMessage =
  | { type: 'hello'; from: PeerId }
  | { type: 'here'; from: PeerId; to: PeerId }
  | { type: 'message'; from: PeerId; to: PeerId; data: string }
  | { type: 'bye'; from: PeerId };

/**
 * Signaling among tabs of this browser. Where the platform has no BroadcastChannel, the state is
 * `closed` with a reason, and nothing throws.
 */
export function broadcastChannelSignaling(options: BroadcastChannelOptions): Signaling {
  return new BroadcastChannelSignaling(options);
}

interface Room {
  readonly channel: BroadcastChannel;
  /** Other tabs, the longest unheard first. */
  readonly tabs: Set<PeerId>;
}

class BroadcastChannelSignaling implements Signaling {
  readonly name = 'this browser';
  readonly #options: BroadcastChannelOptions;
  readonly #rooms = new Map<string, Room>();
  #state: SignalingState = 'closed';
  #handlers: SignalingHandlers | undefined;

  constructor(options: BroadcastChannelOptions) {
    this.#options = options;
  }

  get state(): SignalingState {
    return this.#state;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    if (typeof globalThis.BroadcastChannel !== 'function') {
      handlers.state('closed', 'this browser has no BroadcastChannel');
      return;
    }
    try {
      for (const topic of topics) this.#enter(topic);
    } catch (error) {
      this.#leaveAll();
      handlers.state('closed', `tabs of this browser cannot be reached: ${messageOf(error)}`);
      return;
    }
    this.#state = 'open';
    handlers.state('open', '');
    for (const topic of this.#rooms.keys()) this.find(topic);
  }

  find(topic: string): void {
    this.#post(topic, { type: 'hello', from: this.#options.peer });
  }

  send(topic: string, to: PeerId, text: string): boolean {
    // Nobody says "unreachable" here, so only a tab that was heard counts as one that can be tried.
    if (this.#rooms.get(topic)?.tabs.has(to) !== true || !isData(text)) return false;
    this.#post(topic, { type: 'message', from: this.#options.peer, to, data: text });
    return true;
  }

  close(): void {
    this.#handlers = undefined;
    this.#state = 'closed';
    for (const topic of this.#rooms.keys()) {
      this.#post(topic, { type: 'bye', from: this.#options.peer });
    }
    this.#leaveAll();
  }

  #enter(topic: string): void {
    const channel = new globalThis.BroadcastChannel(`mnemesh:${topic}`);
    const room: Room = { channel, tabs: new Set() };
    this.#rooms.set(topic, room);
    channel.onmessage = (event: MessageEvent<unknown>) => {
      const message = parseChannelMessage(event.data);
      if (message !== undefined) this.#hear(topic, room, message);
    };
  }

  #leaveAll(): void {
    for (const { channel } of this.#rooms.values()) {
      channel.onmessage = null;
      channel.close();
    }
    this.#rooms.clear();
  }

  #post(topic: string, message: ChannelMessage): void {
    this.#rooms.get(topic)?.channel.postMessage(message);
  }

  #hear(topic: string, room: Room, message: ChannelMessage): void {
    const { peer, random } = this.#options;
    const { from } = message;
    if (from === peer) return;
    if (message.type === 'bye') {
      if (room.tabs.delete(from)) this.#handlers?.unreachable(topic, from);
      return;
    }
    remember(room.tabs, from);
    if (message.type === 'hello') {
      const crowd = room.tabs.size > ALL_ANSWER_TABS;
      if (!crowd || random() * room.tabs.size < EXPECTED_ANSWERS) {
        this.#post(topic, { type: 'here', from: peer, to: from });
      }
      this.#handlers?.peers(topic, [from]);
    } else if (message.to === peer) {
      if (message.type === 'here') this.#handlers?.peers(topic, [from]);
      else this.#handlers?.message(topic, from, message.data);
    }
  }
}

function remember(tabs: Set<PeerId>, tab: PeerId): void {
  tabs.delete(tab);
  tabs.add(tab);
  if (tabs.size > MAX_TABS) {
    const [oldest] = tabs;
    if (oldest !== undefined) tabs.delete(oldest);
  }
}

/** Reads what another tab posted; `undefined` where it is not a message. Never throws. */
function parseChannelMessage(value: unknown): ChannelMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, from, to, data } = value as Readonly<Record<string, unknown>>;
  if (!isPeerId(from)) return undefined;
  if (type === 'hello' || type === 'bye') return { type, from };
  if (!isPeerId(to)) return undefined;
  if (type === 'here') return { type, from, to };
  return type === 'message' && isData(data) ? { type, from, to, data } : undefined;
}
