/**
 * Options judged by a table of rules, so that a typing mistake is an error and no setting left out.
 * For the server and the simulation: what browsers load judges its own options in fewer bytes.
 */

import { MeshError } from './errors.ts';

/** What a value must be, in words that follow "must be", and whether it is. */
export type Rule = readonly [words: string, holds: (value: unknown) => boolean];

/** A whole number from `least` to `most`, both included. */
export function whole(least: number, most: number): Rule {
  return [
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && isWithin(value, least, most),
  ];
}

/** A number from `least` to `most`, both included; finite unless `most` is `Infinity`. */
export function numberFrom(least: number, most: number): Rule {
  return [`a number from ${least} to ${most}`, (value) => isWithin(value, least, most)];
}

/** One of a few texts. */
export function oneOf(...choices: readonly string[]): Rule {
  return [
    choices.map((choice) => `'${choice}'`).join(' or '),
    (value) => choices.includes(value as string),
  ];
}

export const AN_OBJECT: Rule = [
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
];
export const A_FUNCTION: Rule = ['a function', (value) => typeof value === 'function'];
export const TRUE_OR_FALSE: Rule = ['true or false', (value) => typeof value === 'boolean'];

/**
 * Holds `value` to `rule`.
 * @param name - What the error calls it, such as `options.port`.
 * @param unchanged - The error's last sentence: that nothing changed.
 * @throws MeshError `bad-argument`
 */
export function checkValue(name: string, value: unknown, rule: Rule, unchanged: string): void {
  const [words, holds] = rule;
  if (holds(value)) return;
  throw bad(`${name} is ${shown(value)}; it must be ${words}`, unchanged);
}

/**
 * Holds the fields of an object to `rules`; one that is `undefined` counts as left out.
 * @param path - Where the fields are, such as `options.limits`.
 * @param object - What the error calls the object itself. Default `path`.
 * @throws MeshError `bad-argument` that names the field, and those that there are where it is unknown.
 */
export function checkFields(
  path: string,
  value: unknown,
  rules: Readonly<Record<string, Rule>>,
  unchanged: string,
  object = path,
): void {
  checkValue(object, value, AN_OBJECT, unchanged);
  for (const [name, field] of Object.entries(value as object)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      const names = Object.keys(rules).join(', ');
      throw bad(`${path}.${name} is not an option; there are ${names}`, unchanged);
    }
    if (field !== undefined) checkValue(`${path}.${name}`, field, rule, unchanged);
  }
}

/** `fields` over `defaults`, save those that are `undefined`. */
export function withDefaults<T extends object>(defaults: T, fields: Partial<T>): T {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { ...defaults, ...(Object.fromEntries(given) as Partial<T>) };
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

/** Texts are not shown: one may be a secret in the wrong place. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function bad(what: string, unchanged: string): MeshError {
  return new MeshError('bad-argument', `${what}. ${unchanged}`);
}
