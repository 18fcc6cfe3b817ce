/**
 * Runs y-webrtc's own signaling server as it is, but on a free port of 127.0.0.1, and prints its URL:
 * by itself it listens on all addresses, and cannot say which port it was given.
 */

import { Server } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { listen } = Server.prototype;
Server.prototype.listen = function () {
  return listen.call(this, 0, '127.0.0.1', () => {
    console.log(`ws://127.0.0.1:${this.address().port}`);
  });
};

const { resolve } = createRequire(import.meta.url);
await import(new URL('../bin/server.js', pathToFileURL(resolve('y-webrtc'))).href);
