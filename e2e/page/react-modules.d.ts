/** What the React app of browser tests uses of react and react-dom 19, which bring no types. */
declare module 'react' {
  /** What a component renders. */
  export type Node = Element | null;
  export interface Element {
    readonly type: unknown;
  }
  export const StrictMode: unique symbol;
  export function createElement(
    type: typeof StrictMode | (() => Node),
    props?: null,
    ...children: Node[]
  ): Element;
  /** Runs `effect` when mounted, and what it returns when unmounted. */
  export function useEffect(
    effect: () => (() => void) | undefined,
    dependencies: readonly unknown[],
  ): void;
}

declare module 'react-dom/client' {
  import type { Node } from 'react';

  export interface Root {
    render(node: Node): void;
    unmount(): void;
  }
  export function createRoot(container: HTMLElement): Root;
}
