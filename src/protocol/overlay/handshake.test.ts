import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../util/random.ts';
import type { Effect } from '../effects.ts';
import { peer } from '../testing/links.ts';
import { claimOf } from '../testing/members.ts';
import type { Frame, FrameOf } from '../wire.ts';
import { Handshake } from './handshake.ts';
import { type Link, LinkTable } from './link-table.ts';

const ME = peer('0');
const A = peer('a');

const helloOf = (id: string): FrameOf<'hello'> => ({
  type: 'hello',
  entry: claimOf(id),
  links: 1,
  size: 2,
});

/** One side of links, and what it said and was told. */
class Side {
  readonly links = new LinkTable();
  readonly sent: Frame[] = [];
  readonly effects: Effect[] = [];
  readonly told: string[] = [];
  room = true;
  /** Whether a side accepts at once. */
  places = false;
  now = 1_000;
  readonly handshake = new Handshake({ self: claimOf(ME), size: 5 }, this.links, seededRandom(1), {
    effect: (effect) => this.effects.push(effect),
    send: (_peer, frame) => this.sent.push(frame),
    hasPlaces: () => this.places,
    hasRoom: () => this.room,
    promoted: (link) => this.told.push(`up ${link.peer.charAt(0)}`),
    ended: (of, reason, neighbor) =>
      this.told.push(`${neighbor ?? 'no neighbor'} ${of.charAt(0)} ${reason}`),
  });

  link(of = A): Link {
    return this.links.get(of) as Link;
  }

  neighbor(of = A): Link {
    this.handshake.linkUp(of, this.now);
    this.handshake.onHello(this.link(of), helloOf(of), this.now);
    this.handshake.onAccept(this.link(of), this.now);
    this.sent.length = this.told.length = 0;
    return this.link(of);
  }

  types(): string[] {
    return this.sent.splice(0).map(({ type }) => type);
  }
}

/** A side that accepted A before it said hello. */
function promising(): Side {
  const side = new Side();
  side.places = true;
  side.handshake.linkUp(A, side.now);
  return side;
}

describe('the handshake', () => {
  it('L1: says hello first, accepts, and has a neighbor once accepted both ways, in either order', () => {
    for (const order of ['hello first', 'accept first']) {
      const side = new Side();
      side.handshake.linkUp(A, side.now);
      expect(side.sent).toEqual([{ type: 'hello', entry: claimOf(ME), links: 0, size: 5 }]);
      if (order === 'accept first') side.handshake.onAccept(side.link(), side.now);
      side.handshake.onHello(side.link(), helloOf(A), side.now);
      expect(side.types()).toEqual(['hello', 'accept']);
      if (order === 'hello first') {
        expect(side.links.isNeighbor(A)).toBe(false);
        side.handshake.onAccept(side.link(), side.now);
      }
      expect([side.links.isNeighbor(A), side.told]).toEqual([true, ['up a']]);
    }
  });

  it('L1: with places for all accepts at once, so that the hello and accept of the other end it', () => {
    const side = promising();
    expect([side.types(), side.links.acceptedCount]).toEqual([['hello', 'accept'], 1]);
    side.room = false; // what was promised holds, whatever came in between
    side.handshake.onHello(side.link(), helloOf(A), side.now);
    expect([side.types(), side.told]).toEqual([[], []]);
    side.handshake.onAccept(side.link(), side.now);
    expect([side.links.isNeighbor(A), side.told]).toEqual([true, ['up a']]);
  });

  it('L1: an accept before the hello that was lost is said again on the next hello', () => {
    const side = promising();
    side.handshake.onHello(side.link(), helloOf(A), side.now);
    side.types();
    side.handshake.onHello(side.link(), helloOf(A), side.now + 1_500);
    expect(side.types()).toEqual(['accept']);
  });

  it('L1: an accept alone makes no neighbor of who did not say hello', () => {
    const side = promising();
    side.handshake.onAccept(side.link(), side.now);
    expect([side.links.isNeighbor(A), side.told]).toEqual([false, []]);
  });

  it('L1: says hello again where no accept comes, and answers every hello of a neighbor', () => {
    const side = new Side();
    side.handshake.linkUp(A, side.now);
    expect(side.handshake.due).toBe(side.now + 1_500);
    side.handshake.tick(side.now + 1_499);
    expect(side.types()).toEqual(['hello']);
    side.handshake.tick(side.now + 1_500);
    expect(side.types()).toEqual(['hello']);
    side.handshake.onHello(side.link(), helloOf(A), side.now + 1_500);
    side.handshake.onAccept(side.link(), side.now + 1_500);
    side.types();
    side.handshake.tick(side.now + 3_000);
    expect([side.types(), side.handshake.due]).toEqual([[], Number.POSITIVE_INFINITY]);
    side.handshake.onHello(side.link(), helloOf(A), side.now + 3_000);
    expect(side.types()).toEqual(['hello', 'accept']);
    side.handshake.onHello(side.link(), helloOf(A), side.now + 3_001); // so that two do not answer for ever
    expect(side.types()).toEqual(['accept']);
    side.handshake.onAccept(side.link(), side.now + 3_001);
    expect(side.told).toEqual(['up a']);
  });

  it('L2: a hello of another version ends the link, with an error', () => {
    const side = new Side();
    side.handshake.linkUp(A, side.now);
    side.handshake.onForeignHello(A, 9, side.now);
    expect(side.sent.at(-1)).toEqual({ type: 'bye', reason: 'version', suggested: [] });
    expect(side.effects[0]).toMatchObject({ type: 'error', code: 'version-mismatch' });
    expect(side.told).toEqual(['no neighbor a version']);
  });

  it('L5: without room refuses, and suggests neighbors', () => {
    const side = new Side();
    const other = peer('b');
    side.neighbor(other);
    side.room = false;
    side.handshake.linkUp(A, side.now);
    side.handshake.onHello(side.link(), helloOf(A), side.now);
    expect(side.sent.at(-1)).toEqual({ type: 'bye', reason: 'full', suggested: [other] });
    expect(side.effects.at(-1)).toEqual({ type: 'hangUp', peer: A });
  });

  it('tells how a neighbor ended: left by its word or by closing, lost, or closed for a reason', () => {
    const ends: [(side: Side) => void, string][] = [
      [(side) => side.handshake.onBye(side.link(), 'leaving', side.now), 'left a leaving'],
      [(side) => side.handshake.onBye(side.link(), 'evicted', side.now), 'closed a evicted'],
      [(side) => side.handshake.linkDown(A, true, side.now), 'left a lost'],
      [(side) => side.handshake.linkDown(A, false, side.now), 'lost a lost'],
      [(side) => side.handshake.hangUp(A, 'surplus', side.now), 'closed a surplus'],
      [(side) => side.handshake.linkUp(A, side.now), 'lost a lost'],
    ];
    for (const [end, told] of ends) {
      const side = new Side();
      side.neighbor();
      end(side);
      expect([side.told, side.links.isNeighbor(A)]).toEqual([[told], false]);
    }
  });

  it('L12: one taken for dead is told, and kept as a lifeline that a new hello makes a link again', () => {
    const side = new Side();
    side.handshake.demote(side.neighbor(), side.now);
    expect(side.sent).toEqual([{ type: 'bye', reason: 'dead', suggested: [] }]);
    expect([side.told, side.effects]).toEqual([['closed a dead'], []]);
    expect([side.link().state, side.links.acceptedCount]).toEqual(['lifeline', 0]);
    side.types();
    side.handshake.revive(side.link(), side.now);
    side.handshake.onHello(side.link(), helloOf(A), side.now);
    side.handshake.onAccept(side.link(), side.now);
    expect([side.types(), side.told.at(-1)]).toEqual([['hello', 'accept'], 'up a']);
  });

  it('L12: who is told that it is dead keeps the connection and says hello', () => {
    const side = new Side();
    side.handshake.onBye(side.neighbor(), 'dead', side.now);
    expect([side.types(), side.told, side.effects]).toEqual([['hello'], ['closed a dead'], []]);
    expect(side.link().state).toBe('open');
  });

  it('L12: keeps four lifelines, and hangs up on more', () => {
    const side = new Side();
    const dead = ['a', 'b', 'c', 'd', 'e'].map(peer);
    for (const id of dead) side.neighbor(id);
    for (const id of dead) side.handshake.demote(side.link(id), side.now);
    expect(side.links.lifelineCount).toBe(4);
    expect(side.effects).toEqual([{ type: 'hangUp', peer: peer('e') }]);
  });
});
