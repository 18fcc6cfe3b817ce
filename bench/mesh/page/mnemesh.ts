/** The tab that shares by mnemesh, with the options that an app has who names none. */

import { MeshProvider } from '../../../src/yjs/index.ts';
import { startTab } from './tab.ts';

startTab({
  join(room, doc, signaling, onLinks) {
    const provider = new MeshProvider(room, doc, { signaling });
    provider.on('peers', ({ webrtcPeers }) => onLinks(webrtcPeers.length));
    // Links may be made while the document is loaded, before `peers` tells of any.
    provider.on('loaded', () => onLinks(provider.mesh?.neighbors.length ?? 0));
  },
});
