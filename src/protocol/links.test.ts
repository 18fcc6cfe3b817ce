import { describe, expect, it } from 'vitest';
import { resolveConfig } from './config.ts';
import { type Link, Links } from './links.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const config = resolveConfig();
const { pingInterval, linkTimeout, hiddenTimeout, suspicionTimeout } = config;

function linked(...peers: string[]): Links {
  const links = new Links(config);
  for (const peer of peers) {
    links.open(peer, 0);
    links.promote(peer);
  }
  return links;
}
const peersOf = (links: Iterable<Link>) => [...links].map(({ peer }) => peer);

describe('links', () => {
  it('L10: pings a link that is silent for pingInterval, once in each', () => {
    const links = linked(A, B);
    links.heard(links.get(B) as Link, 500);
    expect(peersOf(links.toPing(pingInterval - 1))).toEqual([]);
    expect(peersOf(links.toPing(pingInterval))).toEqual([A]);
    expect(peersOf(links.toPing(pingInterval + 499))).toEqual([]);
    expect(peersOf(links.toPing(2 * pingInterval))).toEqual([A, B]);
  });

  it('L10: tells a silent neighbor once a silence, and gives the link up suspicionTimeout later', () => {
    const links = linked(A);
    links.open(B, 0); // not accepted: no neighbor to suspect
    expect(peersOf(links.fallenSilent(linkTimeout - 1))).toEqual([]);
    expect(links.isAudible(A, linkTimeout - 1)).toBe(true);
    expect(peersOf(links.fallenSilent(linkTimeout))).toEqual([A]);
    expect(links.isAudible(A, linkTimeout)).toBe(false);
    expect(peersOf(links.fallenSilent(linkTimeout + 1))).toEqual([]);
    expect(links.lost(linkTimeout + suspicionTimeout - 1)).toEqual([]);
    expect(links.lost(linkTimeout + suspicionTimeout)).toEqual([A, B]);
    links.heard(links.get(A) as Link, 10_000);
    expect(links.lost(10_001)).toEqual([B]);
    expect(peersOf(links.fallenSilent(10_000 + linkTimeout))).toEqual([A]);
  });

  it('M9: a hidden neighbor may be silent for hiddenTimeout while its path is intact', () => {
    const links = linked(A);
    const link = links.get(A) as Link;
    link.hidden = true;
    expect(links.isAudible(A, hiddenTimeout - 1)).toBe(true);
    expect(peersOf(links.fallenSilent(hiddenTimeout - 1))).toEqual([]);
    link.interrupted = true;
    expect(peersOf(links.fallenSilent(hiddenTimeout - 1))).toEqual([A]);
  });

  it('M10: after a sleep of this tab all silences start anew', () => {
    const links = linked(A, B);
    links.excuse(60_000);
    expect(peersOf(links.fallenSilent(60_000 + linkTimeout - 1))).toEqual([]);
    expect(links.lost(60_000 + linkTimeout)).toEqual([]);
  });

  it('L5: counts links that this side accepted, and tells whether a closed one was a neighbor', () => {
    const links = linked(A);
    links.open(B, 0);
    expect(links.acceptedCount).toBe(0);
    const link = links.get(B) as Link;
    link.hello = { id: B, status: 'alive', incarnation: 0, hidden: false };
    expect([links.acceptedCount, links.neighborCount]).toEqual([1, 1]);
    expect([links.close(A), links.close(B), links.close(B)]).toEqual([true, false, false]);
    expect([...links.peers(), ...links.neighbors()]).toEqual([]);
  });
});
