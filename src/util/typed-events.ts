/** An EventTarget whose event names and details are typed. */

type Listener<E extends Event> = ((event: E) => void) | { handleEvent(event: E): void };

/** `Details` maps each event's name to the type of its `detail`. */
export class TypedEventTarget<Details> extends EventTarget {
  readonly #heard = new Set<string>();

  /** Calls `listener` at every `type` event, as `EventTarget` does; `options.signal` stops it. */
  override addEventListener<K extends keyof Details & string>(
    type: K,
    listener: Listener<CustomEvent<Details[K]>> | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    this.#heard.add(type);
    super.addEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  override removeEventListener<K extends keyof Details & string>(
    type: K,
    listener: Listener<CustomEvent<Details[K]>> | null,
    options?: boolean | EventListenerOptions,
  ): void {
    super.removeEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  /** Whether a listener for `type` was ever added. */
  protected wasListenedTo(type: keyof Details & string): boolean {
    return this.#heard.has(type);
  }

  /** @internal */
  protected emit<K extends keyof Details & string>(type: K, detail: Details[K]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
