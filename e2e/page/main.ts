/** The page that browser tests drive: everything is on `lab`, for use in `page.evaluate`. */

// First, so that the census and the faults stand before the platform when the library loads.
import { census } from './census.ts';
import { runStoreCase, runTransportCase } from './contracts.ts';
import { dropNext, traffic } from './faults.ts';
import { Hostile } from './hostile.ts';
import { Lab } from './lab.ts';
import { scribble, typeNumbers, typeWords } from './scribble.ts';
import { breakStorage, deleteStorage, fillStorage, storageSize } from './storage.ts';
import { playAuthor, playTrace } from './trace.ts';
import { Typing } from './typing.ts';

const bare = new Lab();
const page = Object.assign(bare, {
  census,
  dropNext,
  traffic,
  hostile: new Hostile(),
  playTrace,
  playAuthor,
  scribble,
  typeWords,
  typeNumbers,
  storageSize,
  breakStorage,
  fillStorage,
  deleteStorage,
  runTransportCase,
  runStoreCase,
  typing: new Typing(bare),
});

declare global {
  /** What the harness page offers to tests. */
  var lab: typeof page;
}

globalThis.lab = page;
