/** Counts what a page holds open, by standing before the platform's constructors. */

/** How many of each are open now. */
export interface Census {
  readonly webSockets: number;
  readonly peerConnections: number;
  readonly broadcastChannels: number;
  readonly databases: number;
  /** Timeouts and intervals that have yet to fire or be cleared. */
  readonly timers: number;
  /** Listeners on window, document and navigator. */
  readonly listeners: number;
}

const open = {
  webSockets: new Set<WebSocket>(),
  peerConnections: new Set<RTCPeerConnection>(),
  broadcastChannels: new Set<BroadcastChannel>(),
  databases: new Set<IDBDatabase>(),
};
const timers = new Set<number>();
const listeners = new Set<string>();

/** Replaces `window[name]` by a subclass whose instances are counted until `close`. */
function count<T extends { close(): void }>(name: string, instances: Set<T>): void {
  const host = window as unknown as Record<string, new (...args: unknown[]) => T>;
  const Original = host[name];
  if (Original === undefined) return;
  host[name] = new Proxy(Original, {
    construct(target, args, newTarget) {
      const instance = Reflect.construct(target, args, newTarget) as T;
      instances.add(instance);
      return instance;
    },
  });
  const prototype = Original.prototype as T;
  const close = prototype.close;
  prototype.close = function (this: T, ...args: []) {
    instances.delete(this);
    return close.apply(this, args);
  };
}

function countTimers(): void {
  const { setTimeout, setInterval, clearTimeout, clearInterval } = window;
  const host = window as unknown as Record<string, unknown>;
  host.setTimeout = (handler: (...args: unknown[]) => void, delay?: number, ...args: unknown[]) => {
    const fire = () => {
      timers.delete(id);
      handler(...args);
    };
    const id = setTimeout.call(window, fire, delay) as unknown as number;
    timers.add(id);
    return id;
  };
  host.setInterval = (...args: Parameters<typeof setInterval>) => {
    const id = setInterval.apply(window, args) as unknown as number;
    timers.add(id);
    return id;
  };
  const clearing = (clear: (id?: number) => void) => (id?: number) => {
    if (id !== undefined) timers.delete(id);
    clear.call(window, id);
  };
  host.clearTimeout = clearing(clearTimeout);
  host.clearInterval = clearing(clearInterval);
}

const ids = new WeakMap<object, number>();
let nextId = 1;

/** Names a listener as the platform tells them apart: type, callback and capture phase. */
function listenerKey(target: number, type: string, callback: object, options: unknown): string {
  const id = ids.get(callback) ?? nextId++;
  ids.set(callback, id);
  const capture =
    typeof options === 'object' ? (options as { capture?: boolean })?.capture : options;
  return `${target} ${type} ${id} ${capture === true}`;
}

function countListeners(target: EventTarget, index: number): void {
  const add = target.addEventListener.bind(target);
  const remove = target.removeEventListener.bind(target);
  target.addEventListener = (
    type: string,
    callback: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ) => {
    add(type, callback, options);
    if (callback === null) return;
    const key = listenerKey(index, type, callback, options);
    const { signal, once } = typeof options === 'object' ? options : {};
    if (signal?.aborted === true) return;
    listeners.add(key);
    signal?.addEventListener('abort', () => listeners.delete(key));
    if (once === true) add(type, () => listeners.delete(key), { once: true });
  };
  target.removeEventListener = (
    type: string,
    callback: EventListenerOrEventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ) => {
    remove(type, callback, options);
    if (callback !== null) listeners.delete(listenerKey(index, type, callback, options));
  };
}

function countDatabases(): void {
  const openDatabase = indexedDB.open.bind(indexedDB);
  indexedDB.open = (name: string, version?: number) => {
    const request = openDatabase(name, version);
    const opened = () => open.databases.add(request.result);
    request.addEventListener('success', opened);
    return request;
  };
  const close = IDBDatabase.prototype.close;
  IDBDatabase.prototype.close = function () {
    open.databases.delete(this);
    close.call(this);
  };
}

count('WebSocket', open.webSockets);
count('RTCPeerConnection', open.peerConnections);
count('BroadcastChannel', open.broadcastChannels);
countTimers();
[window, document, navigator].forEach((target, index) => {
  if (target instanceof EventTarget) countListeners(target, index);
});
countDatabases();

/** What is open now. A WebSocket that the other side closed counts as closed. */
export function census(): Census {
  for (const socket of open.webSockets) {
    if (socket.readyState === WebSocket.CLOSED) open.webSockets.delete(socket);
  }
  for (const connection of open.peerConnections) {
    if (connection.connectionState === 'closed') open.peerConnections.delete(connection);
  }
  return {
    webSockets: open.webSockets.size,
    peerConnections: open.peerConnections.size,
    broadcastChannels: open.broadcastChannels.size,
    databases: open.databases.size,
    timers: timers.size,
    listeners: listeners.size,
  };
}
