/**
 * The least and the greatest value of one aggregate: claims of tabs about their own values, gossiped
 * only as far as they matter.
 *
 * Neighbors exchange the two claims that each takes for least and greatest until they agree. A later
 * claim of the same tab replaces the earlier one wherever they meet, so a value that was taken back,
 * or whose tab died, is forgotten in one wave.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { ShortId } from '../wire.ts';
import { CLAIM_MAX_AGE_MS, type Claim, MAX_CLAIM_VERSION } from './averaging-codec.ts';

/** Claims remembered, the least and the greatest among them. */
const MAX_KNOWN = 16;
/** A tab whose claim is least or greatest says so again after this time, before the claim is too old. */
const RENEW_MS = 120_000;

interface Known {
  readonly version: number;
  /** `undefined` where the tab has no value or is gone, which holds against a value of the same version. */
  readonly value: number | undefined;
  /** When the tab said so, by this tab's clock. */
  readonly at: number;
}

type Stated = Pick<Claim, 'holder' | 'version' | 'value'>;

/** The two claims that a tab takes for least and greatest; they may be the same. */
interface Ends {
  readonly least: Stated | undefined;
  readonly greatest: Stated | undefined;
}

const NO_ENDS: Ends = { least: undefined, greatest: undefined };

export class Extremes {
  readonly #self: ShortId;
  /** The latest claims, those learned last at the end. */
  readonly #claims = new Map<ShortId, Known>();
  /** What each neighbor takes for least and greatest. */
  readonly #theirs = new Map<PeerId, Ends>();
  #ends = NO_ENDS;

  constructor(self: ShortId) {
    this.#self = self;
  }

  /** The least value known. */
  get min(): number | undefined {
    return this.#ends.least?.value;
  }

  /** The greatest value known. */
  get max(): number | undefined {
    return this.#ends.greatest?.value;
  }

  /** Sets or clears this tab's value. */
  set(value: number | undefined, now: number): void {
    const version = this.#claims.get(this.#self)?.version ?? 0;
    if (version === 0 && value === undefined) return;
    this.#put(this.#self, { version: version + 1, value, at: now });
  }

  /** Claims for `peer`: the least and the greatest, and what replaces those that it takes for them. */
  toTell(peer: PeerId, now: number): Claim[] {
    const theirs = this.#theirs.get(peer) ?? NO_ENDS;
    const stated = [this.#ends.least, this.#ends.greatest, theirs.least, theirs.greatest];
    const claims: Claim[] = [];
    for (const holder of new Set(stated.map((claim) => claim?.holder))) {
      const known = holder === undefined ? undefined : this.#claims.get(holder);
      if (holder === undefined || known === undefined) continue;
      const { version, value, at } = known;
      claims.push({ holder, version, value, age: Math.max(0, now - at) });
    }
    return claims;
  }

  /** Takes what `peer` told. */
  hear(peer: PeerId, claims: readonly Claim[], now: number): void {
    this.#theirs.set(peer, endsOf(claims));
    for (const { holder, version, value, age } of claims) {
      if (age > CLAIM_MAX_AGE_MS) continue;
      const known = this.#claims.get(holder);
      const isLater =
        version > (known?.version ?? 0) ||
        (version === known?.version && value === undefined && known.value !== undefined);
      if (!isLater) this.#judge(holder);
      else if (holder !== this.#self) this.#put(holder, { version, value, at: now - age });
      // Someone takes this tab for gone, or speaks in its name: the next version is its own again.
      else if (version + 1 < MAX_CLAIM_VERSION) {
        this.#put(holder, { version: version + 1, value: known?.value, at: now });
      }
    }
  }

  /** `peer` was told, and takes for least and greatest what this tab does. */
  agree(peer: PeerId): void {
    this.#theirs.set(peer, this.#ends);
  }

  /** Whether `peer` takes the same claims for least and greatest. */
  isSettled(peer: PeerId): boolean {
    const { least, greatest } = this.#theirs.get(peer) ?? NO_ENDS;
    return isSame(least, this.#ends.least) && isSame(greatest, this.#ends.greatest);
  }

  /** The link with `peer` ended. */
  lose(peer: PeerId): void {
    this.#theirs.delete(peer);
  }

  /** Claims of others go; this tab's own stays. */
  forgetOthers(): void {
    for (const holder of this.#claims.keys()) {
      if (holder !== this.#self) this.#claims.delete(holder);
    }
    this.#theirs.clear();
    this.#judge();
  }

  /** The tab left or died. */
  gone(holder: ShortId, now: number): void {
    const known = this.#claims.get(holder);
    if (known !== undefined) this.#put(holder, { ...known, value: undefined, at: now });
  }

  /** Renews this tab's claim where it counts, and drops what grew old. */
  tick(now: number): void {
    for (const [holder, { at, value }] of this.#claims) {
      if (holder !== this.#self) {
        if (now - at > CLAIM_MAX_AGE_MS) this.#claims.delete(holder);
      } else if (now - at >= RENEW_MS && this.#isEnd(holder)) {
        this.set(value, now);
      }
    }
    this.#judge();
  }

  #put(holder: ShortId, known: Known): void {
    this.#claims.delete(holder);
    this.#claims.set(holder, known);
    this.#judge(holder);
    if (this.#claims.size <= MAX_KNOWN) return;
    for (const oldest of this.#claims.keys()) {
      if (oldest === this.#self || this.#isEnd(oldest)) continue;
      this.#claims.delete(oldest);
      return;
    }
  }

  #isEnd(holder: ShortId): boolean {
    return holder === this.#ends.least?.holder || holder === this.#ends.greatest?.holder;
  }

  /**
   * Chooses among this tab's claim, those that were least and greatest, and `holder`'s. Other claims
   * are remembered for their version alone: what a tab said once, and was not told again, may be long
   * taken back.
   */
  #judge(holder = this.#self): void {
    const holders = new Set([
      this.#self,
      holder,
      this.#ends.least?.holder ?? holder,
      this.#ends.greatest?.holder ?? holder,
    ]);
    const claims: Stated[] = [];
    for (const of of holders) {
      const known = this.#claims.get(of);
      if (known !== undefined) claims.push({ holder: of, ...known });
    }
    this.#ends = endsOf(claims);
  }
}

/** The least and the greatest of `claims`; among equals the smaller holder, so that all tabs agree. */
function endsOf(claims: readonly Stated[]): Ends {
  let { least, greatest } = NO_ENDS;
  for (const claim of claims) {
    if (claim.value === undefined) continue;
    if (least === undefined || precedes(claim, least, claim.value - (least.value as number))) {
      least = claim;
    }
    if (
      greatest === undefined ||
      precedes(claim, greatest, (greatest.value as number) - claim.value)
    ) {
      greatest = claim;
    }
  }
  return { least, greatest };
}

function precedes(claim: Stated, other: Stated, difference: number): boolean {
  return difference < 0 || (difference === 0 && claim.holder < other.holder);
}

function isSame(a: Stated | undefined, b: Stated | undefined): boolean {
  return a?.holder === b?.holder && a?.version === b?.version;
}
