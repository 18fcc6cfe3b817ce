import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../util/random.ts';
import { PassiveView } from './passive-view.ts';

const idOf = (n: number) => n.toString(16).padStart(32, '0');
const viewOf = (capacity = 48) => new PassiveView(capacity, seededRandom(7));

describe('the passive view', () => {
  it('L4: a failed member is tried again later each time, up to 30 s and spread by half', () => {
    const view = viewOf();
    for (let failures = 1; failures <= 9; failures++) {
      view.failed(idOf(0), true, 1_000);
      const pause = view.notBefore(idOf(0)) - 1_000;
      const backoff = Math.min(30_000, 500 * 2 ** failures);
      expect(pause).toBeGreaterThanOrEqual(backoff / 2);
      expect(pause).toBeLessThanOrEqual(1.5 * backoff);
    }
  });

  it('L4: a link that stood takes the failures back', () => {
    const view = viewOf();
    for (let failure = 0; failure < 6; failure++) view.failed(idOf(0), true, 0);
    view.linked(idOf(0));
    view.failed(idOf(0), true, 0);
    expect(view.notBefore(idOf(0))).toBeLessThanOrEqual(1_500);
  });

  it('L4: one that is no member is forgotten after three failures, a member is not', () => {
    const view = viewOf();
    view.learn(idOf(0), 0);
    for (let failure = 0; failure < 2; failure++) view.failed(idOf(0), false, 0);
    expect(view.has(idOf(0))).toBe(true);
    view.failed(idOf(0), false, 0);
    expect(view.has(idOf(0))).toBe(false);
    for (let failure = 0; failure < 9; failure++) view.failed(idOf(1), true, 0);
    expect(view.has(idOf(1))).toBe(true);
  });

  it('those told of last come first, and telling again takes back no failure', () => {
    const view = viewOf();
    for (const n of [1, 2, 3]) view.learn(idOf(n), 0);
    view.failed(idOf(1), true, 0);
    const notBefore = view.notBefore(idOf(1));
    view.learn(idOf(1), 0);
    expect(view.peers()).toEqual([idOf(1), idOf(3), idOf(2)]);
    expect(view.notBefore(idOf(1))).toBe(notBefore);
    expect(view.notBefore(idOf(9))).toBe(0);
  });

  it('remembers no more than its capacity, whether peers are told of or fail', () => {
    const view = viewOf(10);
    for (let n = 0; n < 100; n++) view.learn(idOf(n), 0);
    expect(view.peers()).toHaveLength(10);
    expect(view.has(idOf(99))).toBe(true);
    for (let n = 100; n < 200; n++) view.failed(idOf(n), true, 0);
    expect(view.peers()).toHaveLength(10);
  });

  it('L9: an avoided peer is not learned for five minutes; at most 256 are avoided', () => {
    const view = viewOf();
    view.learn(idOf(0), 0);
    view.avoid(idOf(0), 0);
    view.learn(idOf(0), 1);
    expect(view.has(idOf(0))).toBe(false);
    expect([view.isAvoided(idOf(0), 299_999), view.isAvoided(idOf(0), 300_000)]).toEqual([
      true,
      false,
    ]);
    for (let n = 0; n <= 256; n++) view.avoid(idOf(n), 0);
    expect([view.isAvoided(idOf(0), 1), view.isAvoided(idOf(1), 1)]).toEqual([false, true]);
  });

  it('a reset forgets candidates, and not who is avoided', () => {
    const view = viewOf();
    view.learn(idOf(0), 0);
    view.avoid(idOf(1), 0);
    view.reset();
    expect([view.peers(), view.isAvoided(idOf(1), 1)]).toEqual([[], true]);
  });
});
