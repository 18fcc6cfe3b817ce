/** Runs the acceptance suites of ports on what browsers really give: WebRTC and IndexedDB. */

import { openIndexedDbStore } from '../../src/storage/indexeddb.ts';
import { storeCases } from '../../src/storage/store.contract.ts';
import { simplePeerTransport } from '../../src/transport/simple-peer.ts';
import { transportCases } from '../../src/transport/transport.contract.ts';

function named<T extends { readonly name: string }>(cases: readonly T[], name: string): T {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  return found;
}

/** Runs one case of the contract of transports over WebRTC; throws what does not hold. */
export function runTransportCase(name: string): Promise<void> {
  return named(transportCases, name).run(simplePeerTransport());
}

/** Runs one case of the contract of stores over IndexedDB; throws what does not hold. */
export function runStoreCase(name: string): Promise<void> {
  return named(storeCases, name).run(() => openIndexedDbStore(`case ${name}`));
}
