// One setting's value from text (command line) or from YAML, checked against its flag's kind. Errors
// name the flag and, unless it is a secret, the value.
import { WeirError } from '@weir/errors';
import { parseDuration } from './duration.ts';
import type { Flag } from './flag.ts';

export type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly unknown[]
  | Readonly<Record<string, string>>;

const EXPECTED: Record<Flag['kind'], string> = {
  string: 'a text',
  int: 'a whole number',
  float: 'a number',
  bool: 'true or false',
  duration: 'a duration such as 90s, 1h30m or 1d',
  strings: 'a list of texts separated by commas',
  map: 'names with texts, name:text;name:text,',
  list: 'a list, as JSON,',
};

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Throws `invalid` when the text is not of the flag's kind. */
export function parseText(flag: Flag, text: string): Value {
  const value = readText(flag.kind, text);
  if (value === undefined) throw mismatch(flag, text);
  return value;
}

/** Throws `invalid` when the YAML value is not of the flag's kind. An absent value is the default. */
export function parseYamlValue(flag: Flag, value: unknown): Value {
  if (value === null || value === undefined) return flag.default;
  if (flag.kind === 'strings' && Array.isArray(value)) {
    if (!value.every((item) => typeof item === 'string')) throw mismatch(flag, value);
    return Object.freeze([...value]);
  }
  if (flag.kind === 'list' && Array.isArray(value)) return Object.freeze([...value]);
  if (flag.kind === 'map' && typeof value === 'object' && !Array.isArray(value)) {
    if (!Object.values(value).every((item) => typeof item === 'string'))
      throw mismatch(flag, value);
    return Object.freeze({ ...(value as Record<string, string>) });
  }
  if (flag.kind === 'bool' && typeof value !== 'boolean') throw mismatch(flag, value);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw mismatch(flag, value);
  }
  const parsed = readText(flag.kind, String(value));
  if (parsed === undefined) throw mismatch(flag, value);
  return parsed;
}

function readText(kind: Flag['kind'], text: string): Value | undefined {
  switch (kind) {
    case 'string':
      return text;
    case 'int': {
      const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case 'float': {
      const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(number) ? number : undefined;
    }
    case 'bool':
      return TRUE.has(text) ? true : FALSE.has(text) ? false : undefined;
    case 'duration':
      return parseDuration(text);
    case 'list':
      return readList(text);
    case 'map':
      return readMap(text);
    case 'strings':
      return Object.freeze(text === '' ? [] : text.split(',').map((item) => item.trim()));
  }
}

function readList(text: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text === '' ? '[]' : text);
    return Array.isArray(list) ? Object.freeze(list) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where a part has no name, or one that stands twice. */
function readMap(text: string): Readonly<Record<string, string>> | undefined {
  const parts = text.match(/(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^;])+/g) ?? [];
  const entries = parts
    .filter((part) => part.trim() !== '')
    .map((part) => [
      part.slice(0, part.indexOf(':')).trim(),
      part.slice(part.indexOf(':') + 1).trim(),
    ]);
  const isWhole = parts.every((part) => part.trim() === '' || part.includes(':'));
  const map: Readonly<Record<string, string>> = Object.freeze(Object.fromEntries(entries));
  const isDistinct = Object.keys(map).length === entries.length;
  return isWhole && isDistinct && !Object.hasOwn(map, '') ? map : undefined;
}

function mismatch(flag: Flag, value: unknown): WeirError {
  const shown = flag.secret ? 'its value' : JSON.stringify(value);
  return new WeirError(
    'invalid',
    `${shown} is not valid for -${flag.flag} (${flag.yaml} in YAML): ${EXPECTED[flag.kind]} is needed`,
  );
}
