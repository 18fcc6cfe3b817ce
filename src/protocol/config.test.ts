import { describe, expect, it } from 'vitest';
import { MeshError } from '../util/errors.ts';
import { type ProtocolConfig, resolveConfig } from './config.ts';
import { presets } from './presets.ts';

function errorOf(given: unknown): MeshError {
  try {
    resolveConfig(given as Partial<ProtocolConfig>);
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown;
  }
  return expect.fail('no MeshError was thrown');
}

describe('the protocol options', () => {
  it('have defaults that are within their own bounds', () => {
    expect(resolveConfig()).toEqual(resolveConfig({ ...resolveConfig() }));
    expect(resolveConfig({ fanout: undefined as never }).fanout).toBe(1);
  });

  it('are refused by name, with what was given and what is allowed', () => {
    for (const value of [0, 9, 1.5, Number.NaN, '3', true, null]) {
      const error = errorOf({ fanout: value });
      expect(error.code).toBe('bad-argument');
      expect(error.message).toContain(
        `config.fanout is ${typeof value === 'number' ? value : `a ${typeof value}`}; it must be a whole number from 1 to 8`,
      );
    }
    expect(errorOf({ fanuot: 1 }).message).toContain(
      'config.fanuot is not an option; there are fanout',
    );
    expect(errorOf({ toString: 1 }).code).toBe('bad-argument');
    for (const given of [null, 7, 'fast']) expect(errorOf(given).code).toBe('bad-argument');
  });

  it('are refused where two of them contradict each other', () => {
    for (const given of [
      { gossipInterval: 50_000 },
      { activeSize: 20 },
      { probeInterval: 400 },
      { hiddenTimeout: 1_000 },
    ]) {
      expect(errorOf(given).message).toMatch(/must be at least config\./);
    }
  });
});

describe('presets', () => {
  it.each(Object.entries(presets))('%s is within the bounds', (_name, preset) => {
    expect(resolveConfig(preset)).toMatchObject(preset);
  });
});
