/** STUN servers are those that someone named, and no others. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from './fixtures.ts';
import { joinAll } from './helpers.ts';
import { startSignaling } from './server.ts';

/** A UDP port that counts STUN binding requests (RFC 8489 section 5) and answers none. */
async function stunProbe() {
  const socket = createSocket('udp4');
  let requests = 0;
  socket.on('message', (message) => {
    if (message.readUInt16BE(0) === 1 && message.readUInt32BE(4) === 0x2112a442) requests++;
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    url: `stun:127.0.0.1:${socket.address().port}`,
    requests: () => requests,
    close: () => socket.close(),
  };
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`${name} asks the STUN server that the signaling server announces`, async ({ tab }) => {
    const announced = await stunProbe();
    const signaling = await startSignaling(['--ice', announced.url]);
    const pages = [await tab(name), await tab(name)];
    await joinAll(pages, 'announced', { signaling: signaling.url });
    await expect.poll(announced.requests).toBeGreaterThan(0);
    await signaling.stop();
    announced.close();
  });

  test(`${name} asks the app's own STUN servers in place of those announced`, async ({ tab }) => {
    const [announced, own] = [await stunProbe(), await stunProbe()];
    const signaling = await startSignaling(['--ice', announced.url]);
    const pages = [await tab(name), await tab(name)];
    const iceServers = [{ urls: own.url }];
    await joinAll(pages, 'own', { signaling: signaling.url, iceServers });
    await expect.poll(own.requests).toBeGreaterThan(0);
    expect(announced.requests()).toBe(0);
    await signaling.stop();
    for (const probe of [announced, own]) probe.close();
  });
}

test('with nobody named, a connection is made without any ICE server', async ({
  tab,
  signaling,
}) => {
  const pages = [await tab('chromium'), await tab('firefox')];
  for (const page of pages) {
    await page.evaluate(() => {
      const Original = RTCPeerConnection;
      const seen: unknown[] = [];
      lab.kept.iceServers = seen;
      globalThis.RTCPeerConnection = new Proxy(Original, {
        construct(target, [config]: [RTCConfiguration?], newTarget) {
          seen.push(config?.iceServers);
          return Reflect.construct(target, [config], newTarget) as RTCPeerConnection;
        },
      });
    });
  }
  await joinAll(pages, 'nobody', { signaling: signaling.url });
  for (const page of pages) expect(await page.evaluate(() => lab.kept.iceServers)).toEqual([[]]);
});
