/** The tab that shares by y-webrtc, with its defaults save for the public servers among them. */

import { WebrtcProvider } from 'y-webrtc';
import { startTab } from './tab.ts';

startTab({
  join(room, doc, signaling, onLinks) {
    const peerOpts = { config: { iceServers: [] } };
    const provider = new WebrtcProvider(room, doc, { signaling: [signaling], peerOpts });
    // `peers` tells of a peer when it is dialed; it is a link once its channel is open.
    const tell = () => {
      const conns = [...(provider.room?.webrtcConns.values() ?? [])];
      onLinks(conns.filter(({ connected }) => connected).length);
    };
    provider.on('peers', ({ added, removed }) => {
      for (const id of added) provider.room?.webrtcConns.get(id)?.peer.on('connect', tell);
      if (removed.length > 0) tell();
    });
  },
});
