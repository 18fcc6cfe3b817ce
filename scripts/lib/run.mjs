/** Running other programs from scripts. Node's own modules only: this runs before any install. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's folder, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs `command` to its end with its output shown.
 * @param {string} command a program; `node` is the one that runs this
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd] default: the repository
 * @param {Record<string, string | undefined>} [options.env] beside this process's own
 * @param {boolean} [options.capture] keep the output instead of showing it
 * @returns {Promise<{code: number, output: string}>} `output` is empty unless captured
 */
export function run(command, args, { cwd = ROOT, env = {}, capture = false } = {}) {
  const program = command === 'node' ? process.execPath : command;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
      // npm and npx are scripts on Windows, which only a shell starts.
      shell: process.platform === 'win32' && command !== 'node',
    });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** As `run`, but captures the output and throws it where the program fails. */
export async function runOrThrow(command, args, options = {}) {
  const { code, output } = await run(command, args, { ...options, capture: true });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${output}`);
  return output;
}
