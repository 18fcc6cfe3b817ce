/**
 * The STUN and TURN servers that are announced, with time-limited TURN credentials.
 *
 * The scheme is coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00): the user name is
 * the Unix time at which the credential ends, and the credential the base64 of its HMAC-SHA1 under
 * a secret that the TURN server shares. No account exists and nothing is stored.
 */

import { createHmac } from 'node:crypto';
import {
  type IceServer,
  isTurnUrl,
  MAX_ICE_SERVERS,
  parseIceServer,
} from '../src/signaling/messages.ts';
import { MeshError } from '../src/util/errors.ts';

/**
 * `servers`, checked.
 * @throws MeshError `bad-argument` for more than 16, for something that is no STUN or TURN URL, and
 *   for TURN that has neither a credential nor a secret to make one.
 */
export function checkIceServers(
  servers: readonly IceServer[],
  turnSecret: string | undefined,
): readonly IceServer[] {
  const fail = (what: string) => new MeshError('bad-argument', `${what} Nothing was started.`);
  if (turnSecret === '') throw fail('The TURN secret is empty.');
  if (servers.length > MAX_ICE_SERVERS) {
    throw fail(`At most ${MAX_ICE_SERVERS} ICE servers are announced, not ${servers.length}.`);
  }
  for (const server of servers) {
    const complete = turnSecret === undefined ? server : withCredential(server, turnSecret, 0);
    if (parseIceServer(complete) === undefined) {
      throw fail(
        `${JSON.stringify(server.urls)} cannot be announced. Give stun:host:port, or turn:host:port ` +
          'with a TURN secret (or a user name and credential).',
      );
    }
  }
  return servers;
}

/** What to announce at `nowMs` since 1970, TURN credentials good for `ttlSeconds`. */
export function announcedIceServers(
  servers: readonly IceServer[],
  turnSecret: string | undefined,
  ttlSeconds: number,
  nowMs: number,
): IceServer[] {
  if (turnSecret === undefined) return [...servers];
  const expires = Math.floor(nowMs / 1_000) + ttlSeconds;
  return servers.map((server) => withCredential(server, turnSecret, expires));
}

function withCredential(server: IceServer, secret: string, expiresSeconds: number): IceServer {
  if (server.credential !== undefined || ![server.urls].flat().some(isTurnUrl)) return server;
  const username = String(expiresSeconds);
  const credential = createHmac('sha1', secret).update(username).digest('base64');
  return { urls: server.urls, username, credential };
}
