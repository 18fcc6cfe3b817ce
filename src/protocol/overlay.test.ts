import { describe, expect, it } from 'vitest';
import { seededRandom } from '../util/random.ts';
import { type ProtocolConfig, resolveConfig } from './config.ts';
import { Overlay } from './overlay.ts';

const idOf = (n: number) => n.toString(16).padStart(32, '0');
const NONE: ReadonlySet<string> = new Set();
const links = (count: number) => new Set(Array.from({ length: count }, (_, n) => idOf(900 + n)));

function overlayOf(config: Partial<ProtocolConfig> = {}, peers = 0, isMember = true): Overlay {
  const overlay = new Overlay(resolveConfig(config), seededRandom(7));
  for (let n = 0; n < peers; n++) overlay.learn(idOf(n), 0, 0, isMember);
  return overlay;
}

describe('the overlay', () => {
  it('L6: dials as many as are missing from activeSize, links and dials under way counted', () => {
    const overlay = overlayOf({ activeSize: 5 }, 30);
    overlay.incoming(idOf(100), 0);
    expect(overlay.dials(links(2), 0)).toHaveLength(2);
    expect(overlay.dials(links(2), 0)).toEqual([]);
  });

  it('L6: a link that is not accepted yet counts once, though it is still being made', () => {
    const overlay = overlayOf({ activeSize: 3 }, 3);
    const [first] = overlay.dials(NONE, 0) as [string];
    overlay.reset();
    overlay.learn(first, 0, 0, true);
    overlay.learn(idOf(50), 0, 0, true);
    overlay.learn(idOf(51), 0, 0, true);
    overlay.incoming(first, 0);
    expect(overlay.dials(new Set([first]), 0)).toHaveLength(2);
  });

  it('L7: makes at most dialsAtOnce links at once, and answers at most as many more', () => {
    const overlay = overlayOf({ activeSize: 20, activeMax: 30, dialsAtOnce: 3 }, 30);
    const dialed = overlay.dials(NONE, 0);
    expect(dialed).toHaveLength(3);
    for (let n = 100; n < 103; n++) {
      expect(overlay.mayAnswer(idOf(n), 0)).toBe(true);
      overlay.incoming(idOf(n), 0);
    }
    expect(overlay.mayAnswer(idOf(103), 0)).toBe(false);
    expect(overlay.mayAnswer(dialed[0] as string, 0)).toBe(true);
    overlay.failed(idOf(100), 0);
    expect(overlay.mayAnswer(idOf(103), 0)).toBe(true);
  });

  it('L7: dials are budgeted: a burst of 24, then one in two seconds', () => {
    const overlay = overlayOf(
      { activeSize: 32, activeMax: 64, dialsAtOnce: 32, passiveSize: 1_000 },
      900,
    );
    let now = 0;
    const dialAndFail = () => {
      const peers = overlay.dials(NONE, now);
      for (const peer of peers) overlay.failed(peer, now);
      return peers.length;
    };
    expect([dialAndFail(), dialAndFail()]).toEqual([24, 0]);
    let later = 0;
    for (now = 500; now <= 60_000; now += 500) later += dialAndFail();
    expect(later).toBe(30);
  });

  it('L4: a failed peer is dialed again later each time, up to 30 s and spread by half', () => {
    const overlay = overlayOf({}, 1);
    let now = 0;
    for (let failures = 1; failures <= 9; failures++) {
      overlay.failed(idOf(0), now);
      const failedAt = now;
      while (overlay.dials(NONE, now).length === 0) now += 10;
      const backoff = Math.min(30_000, 500 * 2 ** failures);
      expect(now - failedAt).toBeGreaterThanOrEqual(backoff / 2);
      expect(now - failedAt).toBeLessThanOrEqual(1.5 * backoff + 10);
    }
  });

  it('L4: a link that stood takes the failures back', () => {
    const overlay = overlayOf({}, 1);
    for (let failure = 0; failure < 6; failure++) overlay.failed(idOf(0), 0);
    overlay.linked(idOf(0));
    overlay.failed(idOf(0), 100_000);
    expect(overlay.dials(NONE, 101_501)).toEqual([idOf(0)]);
  });

  it('L4: dials that take longer than dialTimeout are told once and count as failed', () => {
    const overlay = overlayOf({ dialTimeout: 5_000 }, 1);
    expect(overlay.dials(NONE, 0)).toEqual([idOf(0)]);
    overlay.incoming(idOf(1), 1_000);
    expect(overlay.overdue(4_999)).toEqual([]);
    expect(overlay.overdue(5_000)).toEqual([idOf(0)]);
    expect(overlay.overdue(6_000)).toEqual([idOf(1)]);
    expect(overlay.overdue(7_000)).toEqual([]);
    expect(overlay.dials(NONE, 5_400)).toEqual([]);
    expect(overlay.dials(NONE, 7_000)).toEqual([idOf(0)]);
  });

  it('L8: with a full view one stranger at a time is dialed, and no member', () => {
    const overlay = overlayOf({ activeSize: 4, activeMax: 6 }, 10);
    expect(overlay.dials(links(4), 0)).toEqual([]);
    for (const n of [20, 21]) overlay.learn(idOf(n), 0, 0, false);
    const [stranger] = overlay.dials(links(4), 0);
    expect([idOf(20), idOf(21)]).toContain(stranger);
    expect(overlay.dials(links(4), 0)).toEqual([]);
    overlay.linked(stranger as string);
    expect(overlay.dials(links(6), 0)).toEqual([]);
  });

  it('L8: asks for candidates where links are wanted and nobody is left to dial', () => {
    const overlay = overlayOf({ activeSize: 4 });
    expect(overlay.lacksCandidates(NONE)).toBe(true);
    expect(overlay.lacksCandidates(links(4))).toBe(false);
    overlay.learn(idOf(1), 0, 0, true);
    expect(overlay.lacksCandidates(NONE)).toBe(false);
    expect(overlay.lacksCandidates(new Set([idOf(1)]))).toBe(true);
  });

  it('L9: an avoided peer is neither learned nor answered for five minutes; at most 256 are avoided', () => {
    const overlay = overlayOf({}, 1);
    overlay.avoid(idOf(0), 0);
    overlay.learn(idOf(0), 1, 0, true);
    expect(overlay.dials(NONE, 299_999)).toEqual([]);
    expect(overlay.mayAnswer(idOf(0), 299_999)).toBe(false);
    expect(overlay.mayAnswer(idOf(0), 300_000)).toBe(true);
    for (let n = 0; n <= 256; n++) overlay.avoid(idOf(n), 0);
    expect(overlay.mayAnswer(idOf(0), 1)).toBe(true);
    expect(overlay.mayAnswer(idOf(1), 1)).toBe(false);
  });

  it('L6: remembers at most passiveSize peers; strangers are forgotten after three failures', () => {
    const config = { passiveSize: 10, activeSize: 32, activeMax: 64, dialsAtOnce: 32 };
    const many = overlayOf(config, 100);
    expect(many.dials(NONE, 0)).toHaveLength(10);
    const overlay = overlayOf({}, 1, false);
    for (let failure = 0; failure < 3; failure++) overlay.failed(idOf(0), 0);
    expect(overlay.lacksCandidates(NONE)).toBe(true);
    const members = overlayOf({}, 1);
    for (let failure = 0; failure < 9; failure++) members.failed(idOf(0), 0);
    expect(members.lacksCandidates(NONE)).toBe(false);
  });

  it('an earlier time to dial stands, and the gone are not dialed', () => {
    const overlay = overlayOf();
    overlay.learn(idOf(0), 0, 1_000, true);
    overlay.learn(idOf(0), 0, 400, true);
    overlay.learn(idOf(0), 0, 2_000, true);
    expect(overlay.dials(NONE, 399)).toEqual([]);
    expect(overlay.dials(NONE, 400)).toEqual([idOf(0)]);
    overlay.reset();
    overlay.learn(idOf(1), 400, 0, true);
    overlay.forget(idOf(1));
    expect(overlay.dials(NONE, 400)).toEqual([]);
  });
});
