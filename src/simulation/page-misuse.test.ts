import { describe, expect, it } from 'vitest';
import type { MeshErrorCode } from '../util/errors.ts';
import {
  type Page,
  type PageOptions,
  type SimulatedMeshOptions,
  type SimulationOptions,
  simulate,
} from './pages.ts';

/** What a `bad-argument` looks like whose words are `words`. */
const badArgument = (words: RegExp) =>
  expect.objectContaining({
    code: 'bad-argument' satisfies MeshErrorCode,
    message: expect.stringMatching(words),
  });

describe('a simulation, used wrongly', () => {
  it.each<[string, unknown, RegExp]>([
    ['a loss above 1', { network: { loss: 5 } }, /options\.network\.loss is 5; .* from 0 to 1/],
    ['a misspelt loss', { network: { los: 0.5 } }, /options\.network\.los is not .* loss,/],
    ['a misspelt seed', { sed: 1 }, /options\.sed is not an option; there are seed, network/],
    ['a seed that is a text', { seed: 'a' }, /options\.seed is a string; .* whole number/],
    ['a seed that is a fraction', { seed: 1.5 }, /options\.seed is 1\.5; .* whole number/],
    [
      'a latency that is a number',
      { network: { latency: 5 } },
      /network\.latency is 5; .* medianMs/,
    ],
    ['a latency without its spread', { network: { latency: { medianMs: 5 } } }, /latency is an/],
    ['a negative bandwidth', { network: { bytesPerMs: -1 } }, /bytesPerMs is -1; .* above 0/],
    ['a timeout that is no number', { network: { setupTimeoutMs: Number.NaN } }, /Ms is NaN/],
    ['a network that is a list', { network: [] }, /options\.network is a list/],
    ['null for options', null, /options of simulate is null/],
  ])('refuses %s', (_what, options, words) => {
    expect(() => simulate(options as SimulationOptions)).toThrow(badArgument(words));
  });

  it.each<[string, unknown, RegExp]>([
    ['an unknown option', { hiden: true }, /options\.hiden is not .* hidden,/],
    ['a clock that stands', { clockRate: 0 }, /options\.clockRate is 0; .* above 0/],
    ['work of less than no time', { busyMs: -1 }, /options\.busyMs is -1/],
    ['a page for a disk', { disk: simulate().openPage() }, /options\.disk is an object; .* disk/],
    ['null for options', null, /options of openPage is null/],
  ])('opens no page with %s', (_what, options, words) => {
    expect(() => simulate().openPage(options as PageOptions)).toThrow(badArgument(words));
  });

  it.each<[string, unknown, unknown, RegExp]>([
    ['no name', undefined, {}, /room is undefined/],
    ['an empty name', '', {}, /room is an empty string/],
    ['an unknown option', 'r', { secrets: 's' }, /options\.secrets is not .* secret,/],
    ['an empty secret', 'r', { secret: '' }, /options\.secret is an empty string/],
    [
      'an unknown consistency',
      'r',
      { consistency: 'casual' },
      /consistency is a string; .*'causal'/,
    ],
    ['an unknown option of the protocol', 'r', { config: { fanuot: 1 } }, /config\.fanuot/],
    ['null for options', 'r', null, /options of open is null/],
  ])('opens no room with %s, and draws no chance for it', async (_what, room, options, words) => {
    const [tried, other] = [simulate(), simulate()];
    await expect(
      tried.openPage().open(room as string, options as SimulatedMeshOptions),
    ).rejects.toEqual(badArgument(words));
    const [first, second] = [await tried.openPage().open('r'), await other.openPage().open('r')];
    expect(first.id).toBe(second.id);
  });

  it.each([['5'], [-1], [Number.NaN], [Number.POSITIVE_INFINITY], [undefined]])(
    'lets no time pass for advance(%s)',
    async (ms) => {
      const simulation = simulate();
      const page = simulation.openPage();
      await expect(simulation.advance(ms as number)).rejects.toEqual(badArgument(/^ms is/));
      expect(() => page.sleep(ms as number)).toThrow(badArgument(/^ms is/));
      expect(simulation.now).toBe(0);
    },
  );

  it('takes no condition that is always true, as a promise is', async () => {
    const simulation = simulate();
    const condition = (async () => false) as unknown as () => boolean;
    await expect(simulation.advanceUntil(condition)).rejects.toEqual(badArgument(/a promise/));
    const none = 'ready' as unknown as () => boolean;
    await expect(simulation.advanceUntil(none)).rejects.toEqual(badArgument(/^condition is a str/));
  });

  it('leaves the network as it is where a change of it cannot be', () => {
    const simulation = simulate();
    const change = () => simulation.changeNetwork({ jitter: 0, loss: -1 });
    expect(change).toThrow(badArgument(/^model\.loss is -1; .* Nothing changed\.$/));
  });

  it('splits only lists of its own pages, each in one', async () => {
    const simulation = simulate();
    const [a, b] = [simulation.openPage(), simulation.openPage()];
    const stranger = simulate().openPage();
    const rooms = [await a.open('r'), await b.open('r')];
    const sides = (...given: unknown[]) => given as Page[][];
    expect(() => simulation.partition(...sides(a, b))).toThrow(badArgument(/sides\[0\] is an obj/));
    expect(() => simulation.partition([a], [stranger])).toThrow(
      badArgument(/sides\[1\] is a list/),
    );
    expect(() => simulation.partition(...sides([a], undefined))).toThrow(badArgument(/sides\[1\]/));
    expect(() => simulation.partition([a], [b, a])).toThrow(badArgument(/no page in two/));
    expect(() => simulation.partition([a, b])).toThrow(
      badArgument(/^sides is .* two lists or more/),
    );
    expect(() => simulation.partitionOneWay(...(sides(a, b) as [Page[], Page[]]))).toThrow(
      badArgument(/^from is an object; .* Nothing changed\.$/),
    );
    await simulation.advanceUntil(() => rooms.every(({ neighbors }) => neighbors.length === 1));
    expect(simulation.now).toBeLessThan(5_000);
  });

  it('takes undefined for left out, as from an app of exact optional types', async () => {
    const simulation = simulate({ seed: undefined, network: undefined });
    const options = { clockRate: undefined, busyMs: undefined, hidden: undefined, disk: undefined };
    const pages = [simulation.openPage(options), simulation.openPage()];
    simulation.changeNetwork({ loss: undefined } as object);
    const given = { secret: undefined, consistency: undefined, config: undefined };
    const meshes = await Promise.all(pages.map((page) => page.open('r', given)));
    await simulation.advanceUntil(() => meshes.every(({ members }) => members.length === 2));
  });
});
