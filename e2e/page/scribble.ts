/** Edits as people make them, by the thousand, and edits of which any loss or doubling shows. */

import type { Text } from 'yjs';
import { randomBelow, seededRandom } from '../../src/util/random.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Makes `edits` one-character edits, a tenth of them deletions, about a cursor that jumps at times. */
export async function scribble(text: Text, edits: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  let cursor = 0;
  for (let i = 0; i < edits; i++) {
    if (randomBelow(random, 40) === 0) cursor = randomBelow(random, text.length + 1);
    cursor = Math.min(cursor, text.length);
    if (cursor > 0 && randomBelow(random, 10) === 0) text.delete(--cursor, 1);
    else text.insert(cursor++, String.fromCharCode(97 + randomBelow(random, 26)));
    if (i % 10 === 9) await pause(1);
  }
}

/** Appends the words `<prefix>0 ` to `<prefix><count - 1> `, a few ms apart. */
export async function typeWords(text: Text, prefix: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    text.insert(text.length, `${prefix}${i} `);
    await pause(3);
  }
}

/**
 * Appends the numbers from `first` on, a few ms apart, for as long as the page lives, and tells each
 * with the time it was typed to the WebSocket server at `url`.
 */
export async function typeNumbers(text: Text, first: number, url: string): Promise<void> {
  const socket = new WebSocket(url);
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  let next = first;
  setInterval(() => {
    text.insert(text.length, `${next} `);
    socket.send(`${next} ${Date.now()}`);
    next++;
  }, 4);
}
