import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { runCli } from './cli.ts';
import { createSignalingServer } from './index.ts';

const PATIENCE = { timeout: 10_000, interval: 5 };

function run(args: string[], env: Record<string, string> = {}) {
  const signals = new EventEmitter();
  const io = { out: '', err: '', signals, exit: Promise.resolve(-1), url: () => '' };
  io.url = () => /listening on (ws:\S+)\n/.exec(io.out)?.[1] ?? '';
  io.exit = runCli({
    args,
    env,
    stdout: (text) => {
      io.out += text;
    },
    stderr: (text) => {
      io.err += text;
    },
    signals,
  });
  return io;
}

describe('mnemesh-signaling', () => {
  it.each(['SIGINT', 'SIGTERM'])(
    'prints one line when ready, and ends well on %s',
    async (signal) => {
      const cli = run(['--port', '0', '--ice', 'stun:a.example', '--ice', 'turn:b.example'], {
        TURN_SECRET: 'shared',
      });
      await vi.waitFor(() => expect(cli.url()).not.toBe(''), PATIENCE);
      expect(cli.out).toMatch(/^mnemesh-signaling listening on ws:\/\/127\.0\.0\.1:\d+\n$/);
      const client = new WebSocket(cli.url());
      const told: string[] = [];
      let closeCode = 0;
      client.on('message', (data) => told.push(data.toString()));
      client.on('close', (code) => {
        closeCode = code;
      });
      await vi.waitFor(() => expect(told).toHaveLength(1), PATIENCE);
      expect(JSON.parse(told[0] ?? '').iceServers).toMatchObject([
        { urls: 'stun:a.example' },
        { urls: 'turn:b.example', credential: expect.any(String) },
      ]);
      cli.signals.emit(signal);
      expect(await cli.exit).toBe(0);
      await vi.waitFor(() => expect(closeCode).toBe(1_001), PATIENCE);
      expect(cli.signals.eventNames()).toEqual([]);
      expect(cli.err).toBe('');
    },
  );

  it('takes port and host from the environment, and options before it', async () => {
    const taken = createSignalingServer({ port: 0 });
    await taken.ready;
    const env = { PORT: String(taken.address?.port), HOST: '127.0.0.1' };
    const fails = run([], env);
    expect(await fails.exit).toBe(1);
    expect(fails.err).toMatch(/port \d+ on 127\.0\.0\.1 is taken/);
    expect(fails.out).toBe('');
    const works = run(['--port', '0'], env);
    await vi.waitFor(() => expect(works.url()).not.toBe(''), PATIENCE);
    works.signals.emit('SIGTERM');
    expect(await works.exit).toBe(0);
    await taken.close();
  });

  it('counts an empty variable as not set, so that an empty HOST opens to no network', async () => {
    const cli = run(['--port', '0'], { HOST: '', TURN_SECRET: '' });
    await vi.waitFor(() => expect(cli.url()).toMatch(/127\.0\.0\.1/), PATIENCE);
    cli.signals.emit('SIGTERM');
    expect(await cli.exit).toBe(0);
    // What is wrong here is another option than the port, which would be 4444.
    const refused = run(['--turn-ttl', '1'], { PORT: '' });
    expect(await refused.exit).toBe(2);
    expect(refused.err).toMatch(/turnTtlSeconds is 1;/);
  });

  it('names the variable that it cannot use', async () => {
    const cli = run([], { PORT: 'http' });
    expect(await cli.exit).toBe(2);
    expect(cli.err).toMatch(/\$PORT is a whole number, not "http"/);
  });

  it.each([
    ['an unknown option', ['--prot', '1']],
    ['a stray argument', ['4444']],
    ['a port that is no number', ['--port', 'http']],
    ['a port out of range', ['--port', '70000']],
    ['an ICE URL that is none', ['--ice', 'https://a.example']],
    ['TURN without a secret', ['--ice', 'turn:a.example']],
    ['an origin with a path', ['--allow-origin', 'https://a.example/']],
    ['an option without its value', ['--host']],
  ])('refuses %s with exit code 2', async (_name, args) => {
    const cli = run(args);
    expect(await cli.exit).toBe(2);
    expect(cli.err).toMatch(/^mnemesh-signaling: .+\nTry mnemesh-signaling --help\.\n$/s);
    expect(cli.out).toBe('');
  });

  it('prints its help and its version', async () => {
    const help = run(['--help']);
    expect(await help.exit).toBe(0);
    expect(help.out).toMatch(/--turn-secret/);
    const version = run(['--version']);
    expect(await version.exit).toBe(0);
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
