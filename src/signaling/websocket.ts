/** Signaling through one or more signaling servers, over WebSocket. */

import type { Clock } from '../ports/clock.ts';
import type { Signaling } from '../ports/signaling.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';
import { severalSignalings } from './several.ts';
import { ServerConnection } from './websocket-connection.ts';
import type { WebSocketLike } from './websocket-session.ts';

export type { WebSocketLike };

/** Most signaling servers that one tab connects to. */
const MAX_SIGNALING_URLS = 8;

/** What `webSocketSignaling` needs. */
export interface WebSocketSignalingOptions {
  /** `ws:` or `wss:` URLs, 1 to 8. All are joined at once; duplicates count once. */
  readonly urls: readonly string[];
  /** This tab. */
  readonly peer: PeerId;
  /** 32 hexadecimal digits that prove a later connection to be the same tab; secret. */
  readonly key: string;
  readonly clock: Clock;
  /** Spreads retries. */
  readonly random: Random;
  /** Default: the platform's, looked up when signaling starts. */
  readonly WebSocket?: (new (url: string) => WebSocketLike) | undefined;
}

/**
 * Signaling by WebSocket, one connection a URL. Each reconnects by itself after 0.5 to 30 s,
 * growing and spread at random, at once when the browser comes online. Nothing is queued while
 * disconnected. An outage is told once as a MeshError `signaling`.
 * @throws MeshError `bad-argument` for a URL that is not `ws:` or `wss:`, none or more than 8.
 */
export function webSocketSignaling(options: WebSocketSignalingOptions): Signaling {
  const urls = [...new Set(options.urls.map(checkUrl))];
  if (urls.length === 0 || urls.length > MAX_SIGNALING_URLS) {
    throw new MeshError(
      'bad-argument',
      `Signaling takes 1 to ${MAX_SIGNALING_URLS} URLs, not ${urls.length}. Nothing was opened.`,
    );
  }
  const { peer, key, clock, random, WebSocket } = options;
  const connections = urls.map(
    (url) => new ServerConnection(url, { peer, key, clock, random, WebSocket }),
  );
  return severalSignalings(connections, { prefer: 'latest' });
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^wss?:$/.test(url.protocol) || url.hash !== '') {
    throw new MeshError(
      'bad-argument',
      `"${text}" is not a signaling URL. Nothing was opened. ` +
        'Give one such as wss://signaling.example.org or ws://localhost:4444.',
    );
  }
  return url.href;
}
