/** The command `mnemesh-signaling`, apart from the process that it runs in. */

import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { MeshError, messageOf } from '../src/util/errors.ts';
import type { SignalingServerOptions } from './options.ts';
import { createSignalingServer } from './server.ts';
import { packageVersion } from './version.ts';

const HELP = `Usage: mnemesh-signaling [options]

Introduces browser tabs of mnemesh rooms to each other. Keeps nothing.

  --port N             port to listen on; 0 takes any free one (default 4444, or $PORT)
  --host ADDRESS       address to listen on (default 127.0.0.1, or $HOST);
                       0.0.0.0 opens to the network
  --ice URL            announce a STUN or TURN server, stun:host:port or turn:host:port;
                       may be repeated
  --turn-secret S      secret shared with the TURN server (coturn use-auth-secret), from which
                       time-limited credentials are made (default $TURN_SECRET)
  --turn-ttl SECONDS   life of such a credential (default 3600)
  --allow-origin URL   let only pages of this origin connect; may be repeated
  --trust-proxy        take client addresses from X-Forwarded-For; only behind a proxy
  --help               print this
  --version            print the version
`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  ice: { type: 'string', multiple: true },
  'turn-secret': { type: 'string' },
  'turn-ttl': { type: 'string' },
  'allow-origin': { type: 'string', multiple: true },
  'trust-proxy': { type: 'boolean' },
  help: { type: 'boolean' },
  version: { type: 'boolean' },
} as const;

/** What the command needs of its process. */
export interface CliProcess {
  /** Arguments after the command's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  stdout(text: string): void;
  stderr(text: string): void;
  /** Emits `SIGINT` and `SIGTERM`. */
  readonly signals: EventEmitter;
}

/** Runs the command until a signal; returns the exit code: 0, 1 for a failure, 2 for wrong options. */
export async function runCli(io: CliProcess): Promise<number> {
  try {
    const request = readRequest(io.args, io.env);
    if (typeof request === 'string') {
      io.stdout(request);
      return 0;
    }
    return await serve(request, io);
  } catch (error) {
    io.stderr(`mnemesh-signaling: ${messageOf(error)}\n`);
    if (!(error instanceof MeshError) || error.code !== 'bad-argument') return 1;
    io.stderr('Try mnemesh-signaling --help.\n');
    return 2;
  }
}

async function serve(options: SignalingServerOptions, io: CliProcess): Promise<number> {
  const server = createSignalingServer({
    ...options,
    onError: (error) => io.stderr(`mnemesh-signaling: ${error.message}\n`),
  });
  await server.ready;
  const stop = new AbortController();
  const { signal } = stop;
  const stopped = Promise.race([
    once(io.signals, 'SIGINT', { signal }),
    once(io.signals, 'SIGTERM', { signal }),
  ]);
  io.stdout(`mnemesh-signaling listening on ${server.address?.url}\n`);
  await stopped;
  // A second signal then ends the process at once.
  stop.abort();
  await server.close();
  return 0;
}

/** Options for the server, or a text to print. Throws MeshError `bad-argument` for wrong ones. */
function readRequest(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SignalingServerOptions | string {
  const values = parse(args);
  if (values.help === true) return HELP;
  if (values.version === true) return `${packageVersion()}\n`;
  // An empty variable counts as not set: it is how a container's settings leave one out.
  return {
    port: wholeNumber('--port', values.port) ?? wholeNumber('$PORT', env.PORT || undefined),
    host: values.host ?? (env.HOST || undefined),
    iceServers: values.ice?.map((urls) => ({ urls })),
    turnSecret: values['turn-secret'] ?? (env.TURN_SECRET || undefined),
    turnTtlSeconds: wholeNumber('--turn-ttl', values['turn-ttl']),
    allowedOrigins: values['allow-origin'],
    trustProxy: values['trust-proxy'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new MeshError('bad-argument', messageOf(error), { cause: error });
  }
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new MeshError('bad-argument', `${name} is a whole number, not "${text}".`);
}
