// Settings as YAML (the /config page) and flags as text (-help). Secrets are never printed.
import { stringify } from 'yaml';
import { createCatalogue } from './catalogue.ts';
import { printDuration } from './duration.ts';
import type { Flag } from './flag.ts';
import { type ConfigModules, configFlags, type SettingsOfAll } from './parse.ts';
import type { Value } from './value.ts';

/** `full`: every value in use; `diff`: those that differ from the default; `defaults`: the defaults. */
export type PrintMode = 'full' | 'diff' | 'defaults';

type Section = { [key: string]: Section | Value };

const MASK = '********';

/** The settings as a YAML file that `-config.file` would read, except for secrets. */
export function printConfig<Modules extends ConfigModules>(
  modules: Modules,
  settings: SettingsOfAll<Modules>,
  mode: PrintMode = 'full',
): string {
  const root: Section = {};
  for (const { module, key, flag } of createCatalogue(modules).entries) {
    const used = (settings[module] as Readonly<Record<string, Value>>)[key]!;
    if (mode === 'diff' && isEqual(used, flag.default)) continue;
    place(root, flag.yaml.split('.'), show(flag, mode === 'defaults' ? flag.default : used));
  }
  return stringify(root);
}

/** The flags in alphabetical order, each with its kind, default and help. */
export function printHelp(modules: ConfigModules, options: { readonly all: boolean }): string {
  const flags: Flag[] = [
    ...Object.values<Flag>(configFlags),
    ...createCatalogue(modules).entries.map((entry) => entry.flag),
  ];
  const shown = flags.filter((flag) => options.all || !flag.advanced);
  shown.sort((a, b) => (a.flag < b.flag ? -1 : 1));
  const hidden = flags.length - shown.length;
  const more = hidden === 0 ? '' : `\n${hidden} more flags are listed by -help-all.\n`;
  return `Usage of weir:\n${shown.map(printFlag).join('')}${more}`;
}

function printFlag(flag: Flag): string {
  const kind = flag.kind === 'bool' ? '' : ` ${flag.kind}`;
  const text = textOf(flag);
  const fallback = text === '' || text === 'false' ? '' : ` (default ${text})`;
  return `  -${flag.flag}${kind}\n    \t${flag.help}${fallback}\n`;
}

function textOf(flag: Flag): string {
  if (typeof flag.default !== 'object') return String(show(flag, flag.default));
  if (flag.kind === 'list') return flag.default.length === 0 ? '' : JSON.stringify(flag.default);
  if (Array.isArray(flag.default)) return flag.default.join(',');
  return Object.entries(flag.default)
    .map(([name, text]) => `${name}:${text}`)
    .join(';');
}

function show(flag: Flag, value: Value): Value {
  if (flag.secret) return value === '' ? '' : MASK;
  return flag.kind === 'duration' ? printDuration(value as number) : value;
}

function place(root: Section, path: readonly string[], value: Value): void {
  let section = root;
  for (const part of path.slice(0, -1)) {
    section[part] ??= {};
    section = section[part] as Section;
  }
  section[path.at(-1)!] = value;
}

function isEqual(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return JSON.stringify(a) === JSON.stringify(b);
}
