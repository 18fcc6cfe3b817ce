import { describe, expect, it } from 'vitest';
import {
  colorFor,
  initialsOf,
  MAX_NAME_LENGTH,
  nameOf,
  PALETTE,
  paletteColor,
} from './identity.ts';

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('a name', () => {
  it('is cut to its longest length without cutting a character', () => {
    expect([...(nameOf('🦊'.repeat(500)) ?? '')]).toHaveLength(MAX_NAME_LENGTH);
  });

  it('loses line breaks and direction overrides', () => {
    expect(nameOf(' Ada\n\u202eLovelace ')).toBe('Ada Lovelace');
  });

  it('is none where it is empty or no text', () => {
    for (const value of ['', '  ', '\u0000', 7, null, undefined, {}, ['x']]) {
      expect(nameOf(value)).toBeUndefined();
    }
  });
});

describe('initials', () => {
  it('are the first letters of the first and the last word', () => {
    expect(initialsOf('ada king lovelace')).toBe('AL');
    expect(initialsOf('Tomás')).toBe('T');
    expect(initialsOf('quiet-heron')).toBe('QH');
  });

  it('are a whole emoji where the name has one at a start', () => {
    expect(initialsOf('👩‍🚀')).toBe('👩‍🚀');
    expect(initialsOf('Red 🦊')).toBe('🦊');
  });
});

describe('colours', () => {
  it('carry white text with a contrast of at least 4.5', () => {
    for (const { color } of PALETTE) {
      expect(1.05 / (luminance(color) + 0.05), color).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('from outside the palette are replaced, always by the same one', () => {
    for (const hostile of ['red;background:url(//x)', '#fff', '', null, 7, {}]) {
      expect(paletteColor(hostile, 2 ** 52 + 1)).toBe(colorFor(2 ** 52 + 1));
    }
    expect(paletteColor('#0f766e', 3)).toBe('#0f766e');
  });
});
