// Settings that some have otherwise than all: runtime configuration files, `overrides: {<name>: {<key>: <value>}}`.
// Each name's section is read as that section of the configuration file, over the settings in use.
import { WeirError } from '@weir/errors';
import { parse, parseDocument, stringify } from 'yaml';
import type { ConfigModule, Flag, SettingsOf } from './flag.ts';
import { parseConfig, type SettingsOfAll } from './parse.ts';
import { type PrintMode, printConfig } from './print.ts';

export interface OverridesOf<Module extends ConfigModule> {
  readonly module: Module;
  /** Of the module's flags in YAML: `limits`. */
  readonly section: string;
  /** What holds where a name overrides nothing. */
  readonly base: SettingsOf<Module>;
}

/**
 * Settings by name; of several files the later key wins. `beside` are keys that a file may have beside `overrides`.
 * Throws `invalid` for what the configuration file wouldn't take.
 */
export function parseOverrides<Module extends ConfigModule>(
  files: readonly string[],
  shape: OverridesOf<Module>,
  beside: readonly string[] = [],
): ReadonlyMap<string, SettingsOf<Module>> {
  const merged = new Map<string, Readonly<Record<string, unknown>>>();
  for (const [name, own] of files.flatMap((text) => namesIn(text, beside))) {
    merged.set(name, { ...merged.get(name), ...own });
  }
  const based = basedOn(shape);
  const found = [...merged].map(([name, own]): [string, SettingsOf<Module>] => {
    const file = stringify({ [shape.section]: own });
    const input = { argv: ['-config.file=runtime'], env: {}, readFile: () => file };
    try {
      return [name, parseConfig(based, input).settings[shape.section]!];
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw fault(`overrides of ${name}: ${reason}`);
    }
  });
  return new Map(found);
}

/**
 * A section that all share, under `key` of the files, over the settings in use: what the configuration file has under
 * `section` (`distributor.instance_limits`). Throws `invalid` as it does.
 */
export function parseRuntimeSection<Module extends ConfigModule>(
  files: readonly string[],
  key: string,
  { module, section, base }: OverridesOf<Module>,
): SettingsOf<Module> {
  const own = files.map((text) => mappingOf(rootOf(text)[key], `"${key}"`));
  const path = section.split('.').reverse();
  const file = path.reduce<object>(
    (inner, name) => ({ [name]: inner }),
    Object.assign({}, ...own) as object,
  );
  const modules = basedOn({ module, section: key, base });
  const input = {
    ...{ argv: ['-config.file=runtime'], env: {} },
    readFile: () => stringify(file),
  };
  try {
    return parseConfig(modules, input).settings[key]!;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw fault(`${key}: ${reason}`);
  }
}

/** What each name has, or with `diff` where it differs from all others, as a file that would say so. */
export function printOverrides<Module extends ConfigModule>(
  byName: ReadonlyMap<string, SettingsOf<Module>>,
  shape: OverridesOf<Module>,
  mode: PrintMode = 'full',
): string {
  const { section } = shape;
  const based = basedOn(shape);
  const overrides = [...byName].map(([name, own]) => {
    const settings = { [section]: own } as SettingsOfAll<Record<string, Module>>;
    const printed: { readonly [key: string]: unknown } = parse(printConfig(based, settings, mode));
    return [name, printed[section] ?? {}];
  });
  return stringify({ overrides: Object.fromEntries(overrides) });
}

/** A section of parseRuntimeSection(), as a file would say it; empty where nothing is to be said. */
export function printRuntimeSection<Module extends ConfigModule>(
  settings: SettingsOf<Module>,
  key: string,
  { module, section, base }: OverridesOf<Module>,
  mode: PrintMode = 'full',
): string {
  const modules = basedOn({ module, section: key, base });
  const own = { [key]: settings } as SettingsOfAll<Record<string, Module>>;
  let printed: unknown = parse(printConfig(modules, own, mode));
  for (const name of section.split('.')) printed = mappingOf(printed, section)[name];
  return printed === undefined ? '' : stringify({ [key]: printed });
}

function basedOn<Module extends ConfigModule>({ module, section, base }: OverridesOf<Module>) {
  const flags = Object.entries<Flag>(module).map(([key, flag]) => [
    key,
    { ...flag, default: (base as Readonly<Record<string, unknown>>)[key] },
  ]);
  return { [section]: Object.fromEntries(flags) as Module };
}

function rootOf(text: string): Readonly<Record<string, unknown>> {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw fault(`it is not YAML: ${error.message}`);
  const content: unknown = document.toJS({ maxAliasCount: 100 });
  return mappingOf(content, 'it');
}

function namesIn(
  text: string,
  beside: readonly string[],
): [string, Readonly<Record<string, unknown>>][] {
  const root = rootOf(text);
  const known = ['overrides', ...beside];
  const unknown = Object.keys(root).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw fault(`unknown key "${unknown}"; it has "${known.join('", "')}"`);
  }
  return Object.entries(mappingOf(root.overrides, '"overrides"')).map(([name, own]) => [
    name,
    mappingOf(own, `"overrides.${name}"`),
  ]);
}

function mappingOf(node: unknown, what: string): Readonly<Record<string, unknown>> {
  if (node === null || node === undefined) return {};
  if (typeof node === 'object' && !Array.isArray(node)) return node as Record<string, unknown>;
  throw fault(`${what} must be a mapping`);
}

function fault(reason: string): WeirError {
  return new WeirError('invalid', `the runtime configuration file: ${reason}`);
}
