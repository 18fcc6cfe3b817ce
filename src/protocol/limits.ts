/** Bounds that both sides of a link hold each other to (SPEC.md, section 2). */

/** Version of the link protocol; links of other versions are refused. */
export const PROTOCOL_VERSION = 2;
/** Largest value that travels as one: 64 MiB. */
export const MAX_VALUE_BYTES = 64 * 1024 * 1024;
/** Largest frame of a link: a whole document of many values may go in one, so four times a value. */
export const MAX_FRAME_BYTES = 4 * MAX_VALUE_BYTES;
/** Payloads up to this are pushed; larger ones are announced and fetched once. */
export const EAGER_BYTES = 12 * 1024;
/** Greatest incarnation: a tab that refutes once a millisecond takes a century to get there. */
export const MAX_INCARNATION = 2 ** 42;
/** Member entries in one frame, and so in a table. */
export const MAX_MEMBER_ENTRIES = 4_096;
/** Ids in one announcement. */
export const MAX_ANNOUNCED = 256;
/** Peers suggested with a refusal. */
export const MAX_SUGGESTED = 16;
/** Peers that a member may list as its neighbors: as many as `activeMax` may be. */
export const MAX_LISTED_NEIGHBORS = 64;
/** Tabs on a source route, and on a random walk's path. */
export const MAX_ROUTE = 16;
/** Peers in one shuffle. */
export const MAX_SHUFFLED = 32;
/** Links that a rumor may have gone over; those beyond say so many. */
export const MAX_HOPS = 255;
/** Payload of one relayed frame. */
export const MAX_RELAYED_BYTES = 64 * 1024;
/** Channel of direct frames that carry exchanges of aggregates; the layers above use others. */
export const AGGREGATES_CHANNEL = 3;
