/**
 * Telling people that secrets differ.
 *
 * Tabs of one room with different secrets are in different topics and would just never meet. They
 * share the room's lobby, where each knocks at a few others: `knock` without a secret, and with one
 * `knock:` and the same word sealed. Who cannot open a knock answers `differs`, and both sides tell
 * their people. Nothing else is ever said there, and no link is made from it.
 *
 * A sealed knock lets its receiver test guesses of the secret offline, each as slow as the key
 * derivation, exactly as the signaling server can; a secret must not be guessable.
 */

import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Seal } from './seal.ts';

/** Most peers that are knocked at each time some are learnt. */
export const KNOCKS_AT_ONCE = 4;

/** Most peers that one session knocks at, answers, or reports. */
export const MAX_LOBBY_PEERS = 64;

const KNOCK = 'knock';
const SEALED_KNOCK = 'knock:';
const DIFFERS = 'differs';

/** What a lobby needs. */
export interface LobbyOptions {
  /** The room's name, for messages to people. */
  readonly room: string;
  /** The lobby's topic. */
  readonly topic: string;
  readonly peer: PeerId;
  readonly seal: Seal | undefined;
  /** Sends text to a peer of the lobby. */
  send(to: PeerId, text: string): void;
  error(error: MeshError): void;
}

/** One tab's conduct in the lobby of its room. */
export class Lobby {
  readonly #options: LobbyOptions;
  readonly #knocked = new Set<PeerId>();
  readonly #answered = new Set<PeerId>();
  readonly #reported = new Set<PeerId>();

  constructor(options: LobbyOptions) {
    this.#options = options;
  }

  /** Knocks at a few of `peers`, at each once. */
  async meet(peers: readonly PeerId[]): Promise<void> {
    const { peer, seal, topic } = this.#options;
    const strangers = peers.filter((one) => one !== peer && !this.#knocked.has(one));
    for (const to of strangers.slice(0, KNOCKS_AT_ONCE)) {
      if (!addWithin(this.#knocked, to)) return;
      if (seal === undefined) this.#options.send(to, KNOCK);
      else {
        const sealed = await seal.seal(KNOCK, { topic, from: peer, to });
        this.#options.send(to, SEALED_KNOCK + sealed);
      }
    }
  }

  /** Takes what another tab said in the lobby; anything unknown is ignored. */
  async receive(from: PeerId, text: string): Promise<void> {
    if (text === DIFFERS) {
      // Only an answer counts, so that a stranger cannot alarm people unasked.
      if (this.#knocked.has(from)) this.#report(from);
      return;
    }
    if (text !== KNOCK && !text.startsWith(SEALED_KNOCK)) return;
    if (this.#answered.has(from) || (await this.#fits(from, text))) return;
    if (!addWithin(this.#answered, from)) return;
    this.#options.send(from, DIFFERS);
    this.#report(from);
  }

  async #fits(from: PeerId, knock: string): Promise<boolean> {
    const { peer, seal, topic } = this.#options;
    if (seal === undefined || knock === KNOCK) return seal === undefined && knock === KNOCK;
    const sealed = knock.slice(SEALED_KNOCK.length);
    return (await seal.open(sealed, { topic, from, to: peer })) === KNOCK;
  }

  #report(from: PeerId): void {
    if (this.#reported.has(from) || !addWithin(this.#reported, from)) return;
    const { room, seal } = this.#options;
    const difference = seal === undefined ? 'a secret' : 'another secret, or none';
    this.#options.error(
      new MeshError(
        'secret-mismatch',
        `A tab of room "${room}" uses ${difference}; the two do not link. ` +
          'Check the secret on both sides. Nothing was shared.',
      ),
    );
  }
}

/** Adds `peer` unless the set is full; whether it is in it now. */
function addWithin(set: Set<PeerId>, peer: PeerId): boolean {
  if (set.size < MAX_LOBBY_PEERS) set.add(peer);
  return set.has(peer);
}
