/** Who this person says they are: a name and a colour, kept on the device. */

import { remember, remembered } from './dom.ts';
import { randomWords } from './room.ts';

/** A name and a colour of `PALETTE`. */
export interface Identity {
  readonly name: string;
  readonly color: string;
}

/** Longest name that is shown, in characters; a longer one is cut. */
export const MAX_NAME_LENGTH = 60;

/** Colours a person can have. White text on each has a contrast of at least 4.5 (WCAG AA). */
export const PALETTE: readonly { readonly name: string; readonly color: string }[] = [
  { name: 'Red', color: '#c42b2b' },
  { name: 'Orange', color: '#b8500d' },
  { name: 'Ochre', color: '#8f6500' },
  { name: 'Moss', color: '#4f7a12' },
  { name: 'Green', color: '#15803d' },
  { name: 'Teal', color: '#0f766e' },
  { name: 'Blue', color: '#0a6ea8' },
  { name: 'Indigo', color: '#3b5bdb' },
  { name: 'Violet', color: '#7645d9' },
  { name: 'Magenta', color: '#a832a8' },
  { name: 'Rose', color: '#c2255c' },
  { name: 'Slate', color: '#566273' },
];

const KEY = 'mnemesh-demo-identity';

/** A colour of the palette for `seed`, always the same one. */
export function colorFor(seed: number): string {
  return (PALETTE[Math.abs(Math.trunc(seed)) % PALETTE.length] ?? PALETTE[0])?.color as string;
}

/** `value` as a name to show: one line of at most 60 characters; undefined where nothing is left. */
export function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  // Control characters and direction overrides could rearrange the text around the name.
  const line = value
    .slice(0, 4 * MAX_NAME_LENGTH)
    .replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ');
  return [...line.trim()].slice(0, MAX_NAME_LENGTH).join('') || undefined;
}

/** `value` where it is a colour of the palette, else one chosen by `seed`. */
export function paletteColor(value: unknown, seed: number): string {
  return PALETTE.find(({ color }) => color === value)?.color ?? colorFor(seed);
}

/** Up to two graphemes that stand for a name: `Ada Lovelace` gives `AL`, an emoji stays whole. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s_-]+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const firsts = ends.map((word) => graphemes.segment(word ?? '').containing(0)?.segment ?? '');
  // An emoji is as wide as two letters.
  const alone = firsts.find((first) => /\p{Extended_Pictographic}/u.test(first));
  return alone ?? firsts.join('').toLocaleUpperCase();
}

function read(text: string | null | undefined): Identity | undefined {
  if (!text) return undefined;
  try {
    const kept: unknown = JSON.parse(text);
    if (typeof kept !== 'object' || kept === null) return undefined;
    const fields = kept as Record<string, unknown>;
    const name = nameOf(fields.name);
    return name ? { name, color: paletteColor(fields.color, 0) } : undefined;
  } catch {
    // Something else wrote under this key; a new identity replaces it.
    return undefined;
  }
}

function invent(): Identity {
  const name = randomWords()
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(' ');
  return { name, color: colorFor(Math.random() * PALETTE.length) };
}

/** The identity of this device; a new one is invented and kept at the first visit. */
export function loadIdentity(): Identity {
  const kept = read(remembered(KEY));
  if (kept) return kept;
  const fresh = invent();
  saveIdentity(fresh);
  return fresh;
}

/** Keeps `identity` for the next visit and for other tabs. */
export function saveIdentity(identity: Identity): void {
  remember(KEY, JSON.stringify(identity));
}

/** Calls `listener` when another tab of this browser changes the identity. */
export function onIdentityChange(listener: (identity: Identity) => void): void {
  addEventListener('storage', (event) => {
    const changed = event.key === KEY ? read(event.newValue) : undefined;
    if (changed) listener(changed);
  });
}
