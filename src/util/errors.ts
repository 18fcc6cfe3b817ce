/**
 * The one error type of mnemesh.
 *
 * Every failure that a caller can see, thrown or in an `error` event, is a `MeshError`. Its message
 * says what happened, whether state changed, and what to do; its `code` is stable across versions.
 */

/** What went wrong, stable across versions. */
export type MeshErrorCode =
  /** An argument or option is of the wrong type or out of bounds. Nothing changed. */
  | 'bad-argument'
  /** The mesh or provider was closed before the call. Nothing changed. */
  | 'closed'
  /** The call was abandoned through its AbortSignal. */
  | 'aborted'
  /** The platform lacks something needed: WebRTC, WebCrypto in a secure context, WebSocket. */
  | 'unsupported'
  /** Code that is loaded as it is needed is not there (yet), or cannot be fetched. Nothing changed. */
  | 'not-loaded'
  /**
   * Over a limit. An edit or a transaction over 64 MiB is kept in this tab, and was not broadcast; of a value
   * of shared memory over 16 MiB nothing is kept, and a message over 64 KiB was not sent.
   */
  | 'value-too-large'
  /** Durable storage cannot be opened or broke; the tab goes on in memory. */
  | 'store-unavailable'
  /** Durable storage is full; changes stay in memory and are written once there is room. */
  | 'store-quota'
  /** A stored row cannot be decoded; it is set aside and the rest is used. */
  | 'store-corrupt'
  /** The signaling server cannot be reached, or refused a request. Links that exist live on. */
  | 'signaling'
  /** A tab of this room uses another secret, so the two cannot link. */
  | 'secret-mismatch'
  /** A link could not be made or broke; it is tried again with back-off. */
  | 'link'
  /** A peer speaks another version of the protocol; the link was dropped. */
  | 'version-mismatch'
  /** A peer sent bytes that break the protocol; the link was dropped and the peer is avoided. */
  | 'bad-frame';

/** An error of mnemesh. `code` is stable; `message` is for people; `cause` is what lies beneath. */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  /** What went wrong, stable across versions. */
  readonly code: MeshErrorCode;

  constructor(code: MeshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * What `load` gives: a part of this library that is a chunk of its own, `what` for people.
 * @throws MeshError `not-loaded`
 */
export async function loadPart<T>(what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (thrown) {
    throw new MeshError(
      'not-loaded',
      `The code for ${what} cannot be fetched (${messageOf(thrown)}). Nothing changed; it is tried again where the room needs it. If it lasts, reload: the app may have been deployed anew.`,
      { cause: thrown },
    );
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
