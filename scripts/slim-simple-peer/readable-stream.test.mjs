/** The shim of a Duplex does what readable-stream's own does, in all that simple-peer relies on. */

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const requireOfSimplePeer = createRequire(require.resolve('simple-peer'));

/** Lets everything run that is due and needs no timer. */
const settle = () => new Promise(setImmediate);

describe.each([
  ['readable-stream', requireOfSimplePeer('readable-stream').Duplex],
  ['its shim', require('./readable-stream.cjs').Duplex],
])('a Duplex of %s', (_, Duplex) => {
  /** Notes each `_write` in `log`, and lets the test say when it is done. */
  class Held extends Duplex {
    log = [];
    // simple-peer has nothing to fetch either: it pushes what comes.
    _read = () => undefined;
    #done;
    constructor(options) {
      super({ allowHalfOpen: false, objectMode: true, ...options });
    }
    _write(chunk, _encoding, done) {
      this.log.push(`_write ${chunk}`);
      this.#done = done;
    }
    complete(error = null) {
      const done = this.#done;
      this.#done = undefined;
      done(error);
    }
  }

  /** Is done with each chunk within `_write`. */
  class Prompt extends Held {
    _write(chunk, encoding, done) {
      super._write(chunk, encoding, done);
      this.complete();
    }
  }

  const make = (Class, ...events) => {
    const stream = new Class();
    for (const event of events) stream.on(event, (value) => stream.log.push([event, value]));
    return stream;
  };
  const noted = (stream, name) => (error) =>
    stream.log.push(`${name}${error ? ` failed: ${error.message}` : ''}`);

  describe('as an emitter', () => {
    it('calls listeners in their order with all arguments, `this` being the stream', () => {
      const stream = make(Held);
      stream.on('x', function (...args) {
        stream.log.push(['first', this === stream, ...args]);
      });
      stream.once('x', (...args) => stream.log.push(['once', ...args]));
      expect(stream.emit('x', 1, 2)).toBe(true);
      expect(stream.emit('x', 3)).toBe(true);
      expect(stream.emit('y')).toBe(false);
      expect(stream.log).toEqual([
        ['first', true, 1, 2],
        ['once', 1, 2],
        ['first', true, 3],
      ]);
    });

    it.each(['off', 'removeListener'])('forgets by %s a listener of on and of once', (off) => {
      const stream = make(Held);
      const listener = () => stream.log.push('heard');
      stream.on('x', listener).once('x', listener);
      stream[off]('x', listener)[off]('y', listener);
      stream.emit('x');
      stream.emit('x');
      stream[off]('x', listener);
      stream.emit('x');
      expect(stream.log).toEqual(['heard', 'heard']);
    });

    it('calls those who listened when the event came, whatever they add and remove', () => {
      const stream = make(Held);
      const second = () => stream.log.push('second');
      const late = () => stream.log.push('late');
      const first = () => {
        stream.on('x', late);
        stream.removeListener('x', second);
        stream.removeListener('x', first);
      };
      stream.on('x', first);
      stream.on('x', second);
      stream.emit('x');
      expect(stream.log).toEqual(['second']);
      stream.emit('x');
      expect(stream.log).toEqual(['second', 'late']);
    });

    it('throws an error that nobody listens for', () => {
      const stream = make(Held);
      const error = new Error('unheard');
      expect(() => stream.emit('error', error)).toThrow(error);
      stream.on('error', (heard) => stream.log.push(heard));
      stream.emit('error', error);
      expect(stream.log).toEqual([error]);
    });
  });

  describe('as read from', () => {
    it('keeps chunks until somebody listens, then gives them later and in order', async () => {
      const stream = make(Held);
      stream.push('a');
      stream.push(new Uint8Array(0));
      await settle();
      stream.on('data', (chunk) => stream.log.push(chunk));
      stream.push('b');
      expect(stream.log).toEqual([]);
      await settle();
      expect(stream.log).toEqual(['a', new Uint8Array(0), 'b']);
    });

    it('gives chunks at once when they flow, the very objects', async () => {
      const stream = make(Held, 'data');
      await settle();
      const chunk = Uint8Array.of(1, 2);
      stream.push(chunk);
      expect(stream.log).toEqual([['data', chunk]]);
      expect(stream.log[0][1]).toBe(chunk);
    });

    it('gives what is pushed by a listener after what it was called with', async () => {
      const stream = make(Held);
      stream.push('a');
      stream.push('b');
      stream.on('data', (chunk) => {
        stream.log.push(chunk);
        if (chunk === 'a') stream.push('c');
      });
      await settle();
      expect(stream.log).toEqual(['a', 'b', 'c']);
    });

    it('ends once, later, after the last chunk', async () => {
      const stream = make(Held, 'data', 'end');
      stream.push('a');
      stream.push(null);
      expect(stream._readableState.ended).toBe(true);
      stream.push(null);
      expect([stream.readable, stream.log]).toEqual([true, []]);
      await settle();
      expect(stream.log).toEqual([
        ['data', 'a'],
        ['end', undefined],
      ]);
      expect(stream.readable).toBe(false);
    });

    it('ends once where a listener pushes the end', async () => {
      const stream = make(Held, 'data', 'end');
      await settle();
      stream.once('data', () => stream.push(null));
      stream.push('a');
      await settle();
      expect(stream.log).toEqual([
        ['data', 'a'],
        ['end', undefined],
      ]);
    });

    it('does not end before somebody took the chunks', async () => {
      const stream = make(Held, 'end');
      stream.push('a');
      stream.push(null);
      await settle();
      expect(stream.log).toEqual([]);
      stream.on('data', (chunk) => stream.log.push(chunk));
      await settle();
      expect(stream.log).toEqual(['a', ['end', undefined]]);
    });

    it.each([
      [
        false,
        [
          ['end', undefined],
          ['finish', undefined],
        ],
      ],
      [true, [['end', undefined]]],
    ])('ends the writing side too, unless half open (%s)', async (allowHalfOpen, log) => {
      const stream = new Held({ allowHalfOpen });
      for (const event of ['end', 'finish']) stream.on(event, (v) => stream.log.push([event, v]));
      stream.on('data', (chunk) => stream.log.push(chunk));
      stream.push(null);
      await settle();
      expect(stream.log).toEqual(log);
      expect(stream.writable).toBe(allowHalfOpen);
    });
  });

  describe('as written to', () => {
    it('writes one chunk at a time, in order, and calls back as each is done', async () => {
      const stream = make(Held);
      stream.write('a', noted(stream, 'a'));
      stream.write('b', 'utf8', noted(stream, 'b'));
      stream.write('c');
      await settle();
      expect(stream.log).toEqual(['_write a']);
      stream.complete();
      expect(stream.log).toEqual(['_write a', '_write b', 'a']);
      stream.complete();
      stream.complete();
      await settle();
      expect(stream.log).toEqual(['_write a', '_write b', 'a', '_write c', 'b']);
    });

    it('calls back later where a chunk is done at once', async () => {
      const stream = make(Prompt);
      stream.write('a', noted(stream, 'a'));
      stream.write('b', noted(stream, 'b'));
      expect(stream.log).toEqual(['_write a', '_write b']);
      await settle();
      expect(stream.log).toEqual(['_write a', '_write b', 'a', 'b']);
    });

    it('does not pile up calls, for a long queue or for writes from callbacks', async () => {
      const count = 20_000;
      const queued = make(Held);
      for (let i = 0; i < count; i++) queued.write(i);
      // The first write is held, so that all others wait behind it, and are then done at once.
      queued._write = (chunk, _encoding, done) => {
        queued.log.push(`_write ${chunk}`);
        done(null);
      };
      queued.complete();
      expect(queued.log).toHaveLength(count);
      const chained = make(Prompt);
      const next = () => chained.log.length < count && chained.write('x', next);
      next();
      await expect.poll(() => chained.log.length).toBe(count);
    });

    it('hands over the very chunk, however it is typed', () => {
      const stream = make(Held);
      const chunks = [];
      stream._write = (chunk, _encoding, done) => {
        chunks.push(chunk);
        done(null);
      };
      const bytes = Uint8Array.of(1);
      stream.write(bytes);
      stream.write('text');
      expect(chunks[0]).toBe(bytes);
      expect(chunks[1]).toBe('text');
    });

    it('tells a failure to whoever wrote and to those who listen for errors', async () => {
      const stream = make(Held);
      stream.on('error', noted(stream, 'error'));
      stream.write('a', noted(stream, 'a'));
      await settle();
      stream.complete(new Error('refused'));
      expect(stream.log).toEqual(['_write a', 'a failed: refused', 'error failed: refused']);
    });

    it('finishes once, when every write before the end has called back', async () => {
      const stream = make(Held, 'finish');
      stream.write('a', noted(stream, 'a'));
      stream.write('b', noted(stream, 'b'));
      stream.end();
      expect(stream.writable).toBe(false);
      await settle();
      stream.complete();
      expect(stream._writableState.finished).toBe(false);
      stream.complete();
      await settle();
      stream.end();
      const log = ['_write a', '_write b', 'a', 'b', ['finish', undefined]];
      expect(stream.log).toEqual(log);
      expect(stream._writableState.finished).toBe(true);
    });

    it('finishes at once where nothing was written', () => {
      const stream = make(Held, 'finish');
      stream.end();
      expect(stream.log).toEqual([['finish', undefined]]);
    });

    it('refuses a write after the end, and calls back', async () => {
      const stream = make(Held);
      stream.on('error', noted(stream, 'error'));
      stream.end();
      stream.write('a', noted(stream, 'a'));
      await settle();
      expect(stream.log.toSorted()).toEqual([
        'a failed: write after end',
        'error failed: write after end',
      ]);
    });
  });

  it('destroyed as simple-peer does it, ends, and neither finishes nor calls back', async () => {
    class Destroyed extends Held {
      destroyed = false;
      destroy() {
        queueMicrotask(() => {
          this.destroyed = true;
          this.readable = this.writable = false;
          if (!this._readableState.ended) this.push(null);
          if (!this._writableState.finished) this.end();
          this.emit('close');
        });
      }
    }
    const stream = make(Destroyed, 'data', 'end', 'finish', 'close');
    await settle();
    stream.write('a', noted(stream, 'a'));
    stream.write('b', noted(stream, 'b'));
    stream.destroy();
    stream.push('c');
    await settle();
    expect(stream.log).toEqual([
      '_write a',
      ['data', 'c'],
      ['close', undefined],
      ['end', undefined],
    ]);
    expect([stream.readable, stream.writable]).toEqual([false, false]);
  });
});
