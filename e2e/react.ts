/** Builds the React app of page/react.ts as one script, with the development build of React. */

import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** The script; where `lab` is on a page, it puts `app` there. */
export async function buildReactApp(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    // StrictMode does nothing in production builds.
    define: { 'process.env.NODE_ENV': '"development"' },
    build: {
      write: false,
      minify: false,
      lib: {
        entry: fileURLToPath(new URL('page/react.ts', import.meta.url)),
        formats: ['iife'],
        name: 'reactApp',
      },
    },
  });
  const [first] = [built].flat();
  if (first === undefined || !('output' in first)) throw new Error('Vite built no script');
  return first.output[0].code;
}
