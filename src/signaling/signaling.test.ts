import { WebSocket } from 'ws';
import { createSignalingServer } from '../../signaling-server/index.ts';
import type { Signaling } from '../ports/signaling.ts';
import type { PeerId } from '../util/peer-id.ts';
import { seededRandom } from '../util/random.ts';
import { broadcastChannelSignaling } from './broadcast-channel.ts';
import { lobbySignaling } from './lobby-signaling.ts';
import { sealedSignaling } from './sealed.ts';
import { deriveRoomKeys } from './secret.ts';
import { severalSignalings } from './several.ts';
import { describeSignaling, systemClock } from './signaling.contract.ts';
import { webSocketSignaling } from './websocket.ts';

const random = seededRandom(1);
const inBrowser = (peer: PeerId) => broadcastChannelSignaling({ peer, random });

async function withServers(count: number, tab: (peer: PeerId, urls: string[]) => Signaling) {
  const servers = Array.from({ length: count }, () => createSignalingServer({ port: 0 }));
  await Promise.all(servers.map((server) => server.ready));
  const urls = servers.map((server) => server.address?.url ?? '');
  return {
    tab: (peer: PeerId) => tab(peer, urls),
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

const overSocket = (peer: PeerId, urls: string[]) =>
  webSocketSignaling({ urls, peer, key: peer, clock: systemClock, random, WebSocket });

describeSignaling('broadcastChannelSignaling', async () => ({ tab: inBrowser }));
describeSignaling('webSocketSignaling', () => withServers(1, overSocket));
describeSignaling('webSocketSignaling with two servers', () => withServers(2, overSocket));
describeSignaling('severalSignalings of both kinds', () =>
  withServers(1, (peer, urls) => severalSignalings([inBrowser(peer), overSocket(peer, urls)])),
);
describeSignaling('lobbySignaling', async () => {
  const { lobby, seal } = await deriveRoomKeys('room');
  return { tab: (peer) => lobbySignaling(inBrowser(peer), { room: 'room', peer, lobby, seal }) };
});
describeSignaling('sealedSignaling', async () => {
  const { seal } = await deriveRoomKeys('room', 'correct horse');
  if (seal === undefined) throw new Error('a secret gives a seal');
  return withServers(1, (peer, urls) => sealedSignaling(overSocket(peer, urls), { peer, seal }));
});
