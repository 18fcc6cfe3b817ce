/**
 * What simple-peer uses of readable-stream 3: a Duplex in object mode, whose events and write
 * callbacks come in the same order. What it leaves out simple-peer has no use for: reading by `read`
 * and `pipe`, `drain`, limits on what is buffered, and `destroy`, which simple-peer brings itself.
 *
 * Later means in a microtask. In simple-peer's own bundle it is a timer, which hidden tabs hold up.
 */

/** The part of Node's EventEmitter that a Duplex needs. */
class Emitter {
  #listeners = new Map();

  on(event, listener) {
    this.#listeners.set(event, [...this.#of(event), listener]);
    return this;
  }

  once(event, listener) {
    const heard = (...args) => {
      this.removeListener(event, heard);
      listener.apply(this, args);
    };
    heard.listener = listener;
    return this.on(event, heard);
  }

  removeListener(event, listener) {
    const all = this.#of(event);
    const at = all.findLastIndex((each) => each === listener || each.listener === listener);
    // Never changed in place, since `emit` may be walking the list.
    this.#listeners.set(
      event,
      all.filter((_, i) => i !== at),
    );
    return this;
  }

  off(event, listener) {
    return this.removeListener(event, listener);
  }

  /** Throws an error that nobody listens for. */
  emit(event, ...args) {
    const listeners = this.#of(event);
    if (event === 'error' && listeners.length === 0) throw args[0];
    for (const listener of listeners) listener.apply(this, args);
    return listeners.length > 0;
  }

  #of(event) {
    return this.#listeners.get(event) ?? [];
  }
}

class Duplex extends Emitter {
  readable = true;
  writable = true;
  _readableState = { ended: false };
  _writableState = { finished: false };

  #allowHalfOpen;
  /** Chunks that no listener took yet. */
  #arrived = [];
  #flow = 'none';
  /** Writes that wait for the one that runs. */
  #waiting = [];
  #writing = false;
  /** Writes whose callback was not called yet. */
  #unsettled = 0;
  #ending = false;

  constructor({ allowHalfOpen }) {
    super();
    this.#allowHalfOpen = allowHalfOpen;
  }

  /** The first listener of `data` makes chunks flow, later, so that others can be added first. */
  on(event, listener) {
    super.on(event, listener);
    if (event === 'data' && this.#flow === 'none') {
      this.#flow = 'due';
      queueMicrotask(() => {
        this.#flow = 'on';
        this.#deliver();
      });
    }
    return this;
  }

  /** Hands `chunk` to the listeners of `data`, or keeps it until there is one; `null` is the end. */
  push(chunk) {
    if (chunk === null) this._readableState.ended = true;
    else this.#arrived.push(chunk);
    if (this.#flow === 'on') this.#deliver();
  }

  /** Calls `_write` with one chunk at a time, in order, and `callback` once that is done. */
  write(chunk, encoding, callback) {
    const settle = typeof encoding === 'function' ? encoding : callback;
    this.#unsettled++;
    if (this.#ending) {
      this.#settleLater(settle, new Error('write after end'));
      return;
    }
    this.#waiting.push({ chunk, settle });
    this.#writeNext();
  }

  /** Ends the writing side; `finish` comes once every write before is done. */
  end() {
    this.#ending = true;
    this.writable = false;
    this.#finishIfDone();
  }

  #deliver() {
    while (this.#arrived.length > 0) this.emit('data', this.#arrived.shift());
    if (!this._readableState.ended || this.#flow === 'over') return;
    this.#flow = 'over';
    queueMicrotask(() => {
      this.readable = false;
      this.emit('end');
      if (!this.#allowHalfOpen) this.end();
    });
  }

  #writeNext() {
    while (!this.#writing && this.#waiting.length > 0) {
      const { chunk, settle } = this.#waiting.shift();
      this.#writing = true;
      let returned = false;
      this._write(chunk, 'utf8', (error) => {
        this.#writing = false;
        if (returned) {
          this.#writeNext();
          this.#settle(settle, error);
        } else {
          // Whoever writes again from the callback must not pile up calls.
          this.#settleLater(settle, error);
        }
      });
      returned = true;
    }
  }

  #settleLater(settle, error) {
    queueMicrotask(() => this.#settle(settle, error));
  }

  #settle(settle, error) {
    this.#unsettled--;
    settle?.(error);
    if (error) this.emit('error', error);
    this.#finishIfDone();
  }

  #finishIfDone() {
    if (!this.#ending || this.#unsettled > 0 || this._writableState.finished) return;
    this._writableState.finished = true;
    this.emit('finish');
  }
}

module.exports = { Duplex };
