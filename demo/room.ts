/**
 * Which room the address names, and through which signaling server.
 *
 * Room and secret stand in the hash, which a browser never sends to a server:
 * `#room=brave-otter-42&secret=…`.
 */

/** A room to open: its name, and its secret where it has one. */
export interface Place {
  readonly room: string;
  readonly secret: string | undefined;
}

/** Longest room name that the demo takes, in characters. */
export const MAX_ROOM_LENGTH = 60;

const ADJECTIVES = (
  'amber brave bright calm clever coral crisp dapper eager early fleet gentle golden happy humble ' +
  'ivory jolly keen kind lively lucky mellow misty noble olive patient proud quick quiet rapid ' +
  'rosy silver sunny swift tidy vivid warm wise witty'
).split(' ');

const ANIMALS = (
  'badger bear beaver bison crane deer dolphin eagle falcon finch fox gecko hare heron ibex jay ' +
  'koala lark lemur lion lynx marten mole moose newt orca otter owl panda puffin raven robin seal ' +
  'sparrow stork swan tapir tiger turtle walrus wren yak'
).split(' ');

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)] as string;
}

/** Two friendly words, for example `brave` and `otter`. */
export function randomWords(): readonly [adjective: string, animal: string] {
  return [pick(ADJECTIVES), pick(ANIMALS)];
}

/** A readable name for a new room, for example `brave-otter-42`. */
export function randomRoom(): string {
  return [...randomWords(), 10 + Math.floor(Math.random() * 90)].join('-');
}

/** The room that a hash names; undefined where it names none. */
export function placeOf(hash: string): Place | undefined {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  const room = (fields.get('room') ?? '').trim().slice(0, MAX_ROOM_LENGTH);
  return room ? { room, secret: fields.get('secret') || undefined } : undefined;
}

/** The hash that names `place`; `placeOf` reads it back. */
export function hashOf(place: Place): string {
  const fields = new URLSearchParams({ room: place.room });
  if (place.secret) fields.set('secret', place.secret);
  return `#${fields}`;
}

/** The signaling URL of a `mnemesh.json`, seen from a page on `hostname`; undefined where it is none. */
export function signalingOf(config: unknown, hostname: string): string | undefined {
  if (typeof config !== 'object' || config === null || !('signaling' in config)) return undefined;
  if (typeof config.signaling !== 'string') return undefined;
  // A server that listens on every address is found at the one that served this page.
  const text = config.signaling.replace(/^(wss?:\/\/)(?:0\.0\.0\.0|\*)(?=[:/]|$)/, `$1${hostname}`);
  return /^wss?:\/\//.test(text) && URL.canParse(text) ? text : undefined;
}

/**
 * The signaling server to use: `?signaling=` of the address, else what `mnemesh.json` beside the
 * page says, else none, and the room then spans the tabs of this browser.
 */
export async function findSignaling(address: Location): Promise<string | undefined> {
  const asked = new URLSearchParams(address.search).get('signaling');
  if (asked) return asked;
  try {
    const response = await fetch('./mnemesh.json', { cache: 'no-cache' });
    return response.ok ? signalingOf(await response.json(), address.hostname) : undefined;
  } catch (error) {
    console.info('mnemesh demo: no mnemesh.json here, so the room spans this browser alone', error);
    return undefined;
  }
}
