// The YAML configuration file: nested sections whose paths are the flags' `yaml` names. Text comes in,
// values by flag name go out; reading the file is the caller's. Unknown keys are errors.
import { WeirError } from '@weir/errors';
import { parseDocument } from 'yaml';
import { type Catalogue, sectionsOf } from './catalogue.ts';
import { nearest } from './nearest.ts';
import { parseYamlValue, type Value } from './value.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Values by flag name. Throws `invalid` naming the key and its nearest known one. */
export function parseConfigFile(text: string, catalogue: Catalogue): Map<string, Value> {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new WeirError('invalid', `the configuration file is not YAML: ${error.message}`);
  const sections = new Set([...catalogue.byYaml.keys()].flatMap(sectionsOf));
  const values = new Map<string, Value>();
  const walk = (node: unknown, path: string): void => {
    for (const [key, value] of entriesOf(node, path)) {
      const childPath = path === '' ? key : `${path}.${key}`;
      const entry = key.includes('.') ? undefined : catalogue.byYaml.get(childPath);
      if (entry !== undefined) {
        if (value !== null) values.set(entry.flag.flag, parseYamlValue(entry.flag, value));
      } else if (sections.has(childPath) && !key.includes('.')) {
        walk(value, childPath);
      } else {
        throw unknownKey(childPath, [...catalogue.byYaml.keys(), ...sections]);
      }
    }
  };
  walk(toPlain(document), '');
  return values;
}

/** Replaces `${NAME}` and `${NAME:default}`; a name that is not set and has no default is empty. */
export function expandEnvironment(text: string, env: Environment): string {
  return text.replace(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}/g,
    (_, name: string, fallback: string | undefined) => env[name] ?? fallback ?? '',
  );
}

/** Aliases are resolved here, and a file that expands without bound is refused by the YAML reader. */
function toPlain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WeirError('invalid', `the configuration file cannot be read: ${reason}`, { cause });
  }
}

function entriesOf(node: unknown, path: string): [string, unknown][] {
  if (node === null || node === undefined) return [];
  if (typeof node === 'object' && !Array.isArray(node)) return Object.entries(node);
  const where = path === '' ? 'the configuration file' : `"${path}" in the configuration file`;
  throw new WeirError('invalid', `${where} must be a section (a YAML mapping)`);
}

function unknownKey(path: string, known: readonly string[]): WeirError {
  const parent = path.slice(0, path.lastIndexOf('.') + 1);
  const siblings = known.filter((name) => name.startsWith(parent));
  const meant = nearest(path, siblings) ?? nearest(path, known);
  const hint = meant === undefined ? 'see -help-all' : `did you mean "${meant}"?`;
  return new WeirError('invalid', `unknown key "${path}" in the configuration file: ${hint}`);
}
