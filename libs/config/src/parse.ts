// Command line and YAML file into frozen settings, one object per module. A flag overrides the file,
// the file overrides the default. Pure: the environment and the file's content are passed in.
import { assert, WeirError } from '@weir/errors';
import { type CatalogueEntry, createCatalogue } from './catalogue.ts';
import { parseCommandLine } from './command-line.ts';
import { type Environment, expandEnvironment, parseConfigFile } from './config-file.ts';
import { type ConfigModule, defineFlags, type Flag, type SettingsOf } from './flag.ts';
import type { Value } from './value.ts';

export type ConfigModules = Readonly<Record<string, ConfigModule>>;

export type SettingsOfAll<Modules extends ConfigModules> = {
  readonly [Name in keyof Modules]: SettingsOf<Modules[Name]>;
};

export interface ConfigInput {
  /** Without the interpreter and the program. */
  readonly argv: readonly string[];
  /** For `-config.expand-env`. */
  readonly env: Environment;
  /** The content of `-config.file`; may throw. */
  readonly readFile: (path: string) => string;
}

export interface ParsedConfig<Modules extends ConfigModules> {
  /** What `-help` or `-help-all` asked for; then the settings are not to be used. */
  readonly help: 'none' | 'basic' | 'all';
  readonly settings: SettingsOfAll<Modules>;
}

/** Understood by the parser itself, and listed by the help beside those of the modules. */
export const configFlags = defineFlags({
  file: {
    kind: 'string',
    flag: 'config.file',
    yaml: 'config.file',
    default: '',
    help: 'YAML file with settings; flags override it.',
  },
  expandEnv: {
    kind: 'bool',
    flag: 'config.expand-env',
    yaml: 'config.expand_env',
    default: false,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the notation itself is meant
    help: 'Replaces ${NAME} and ${NAME:default} in the configuration file by environment variables.',
  },
  help: {
    kind: 'bool',
    flag: 'help',
    yaml: 'help',
    default: false,
    help: 'Prints the common flags, and ends.',
  },
  helpAll: {
    kind: 'bool',
    flag: 'help-all',
    yaml: 'help_all',
    default: false,
    help: 'Prints every flag, and ends.',
  },
});

/** Throws `invalid`, naming the flag or key and, if it is unknown, the nearest known one. */
export function parseConfig<Modules extends ConfigModules>(
  modules: Modules,
  input: ConfigInput,
): ParsedConfig<Modules> {
  const catalogue = createCatalogue(modules);
  const known = new Map<string, Flag>();
  for (const flag of Object.values<Flag>(configFlags)) known.set(flag.flag, flag);
  for (const [name, entry] of catalogue.byFlag) {
    assert(!known.has(name), `flag -${name} is declared twice`);
    known.set(name, entry.flag);
  }
  // `-h` is what people try first.
  const argv = input.argv.map((argument) => (/^--?h$/.test(argument) ? '-help' : argument));

  const fromLine = parseCommandLine(argv, known);
  const isSet = (flag: Flag) => fromLine.get(flag.flag) === true;
  const help = isSet(configFlags.helpAll) ? 'all' : isSet(configFlags.help) ? 'basic' : 'none';
  const path = fromLine.get(configFlags.file.flag) ?? '';
  let fromFile = new Map<string, Value>();
  if (help === 'none' && path !== '') {
    const content = readContent(String(path), input);
    const text = isSet(configFlags.expandEnv) ? expandEnvironment(content, input.env) : content;
    fromFile = parseConfigFile(text, catalogue);
  }
  const pick = ({ flag }: CatalogueEntry): Value =>
    fromLine.get(flag.flag) ?? fromFile.get(flag.flag) ?? flag.default;
  return Object.freeze({ help, settings: settingsOf(modules, catalogue.entries, pick) });
}

function readContent(path: string, input: ConfigInput): string {
  try {
    return input.readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WeirError('invalid', `-config.file=${path} cannot be read: ${reason}`, { cause });
  }
}

function settingsOf<Modules extends ConfigModules>(
  modules: Modules,
  entries: readonly CatalogueEntry[],
  pick: (entry: CatalogueEntry) => Value,
): SettingsOfAll<Modules> {
  const settings: Record<string, Record<string, Value>> = {};
  for (const name of Object.keys(modules)) settings[name] = {};
  for (const entry of entries) settings[entry.module]![entry.key] = pick(entry);
  for (const module of Object.values(settings)) Object.freeze(module);
  // The catalogue was made from the same modules, and each value was checked against its flag's kind.
  return Object.freeze(settings) as unknown as SettingsOfAll<Modules>;
}
