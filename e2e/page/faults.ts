/** Faults on purpose, and counts, at the last place before the network: RTCDataChannel.send. */

let drops = 0;
let dropped = 0;
let messages = 0;
let bytes = 0;

const sizeOf = (data: string | Blob | ArrayBuffer | ArrayBufferView): number => {
  if (typeof data === 'string') return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
};

const send = RTCDataChannel.prototype.send as (this: RTCDataChannel, data: ArrayBuffer) => void;
RTCDataChannel.prototype.send = function (data: Parameters<typeof sizeOf>[0]) {
  if (drops > 0) {
    drops--;
    dropped++;
    return;
  }
  messages++;
  bytes += sizeOf(data);
  send.call(this, data as ArrayBuffer);
};

/** Lets the next `count` data-channel messages of this tab vanish, on any channel. */
export function dropNext(count: number): void {
  drops = count;
}

/** Data-channel messages and bytes sent since the page loaded, and messages dropped on purpose. */
export function traffic(): { messages: number; bytes: number; dropped: number } {
  return { messages, bytes, dropped };
}
