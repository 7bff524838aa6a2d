// Every flag of every module in one place, found by its name on the command line or its path in YAML.
import { assert } from '@weir/errors';
import type { ConfigModule, Flag } from './flag.ts';

export interface CatalogueEntry {
  readonly module: string;
  readonly key: string;
  readonly flag: Flag;
}

export interface Catalogue {
  readonly entries: readonly CatalogueEntry[];
  readonly byFlag: ReadonlyMap<string, CatalogueEntry>;
  readonly byYaml: ReadonlyMap<string, CatalogueEntry>;
}

/** Asserts that no two modules claim one flag, and that no YAML value is also a section. */
export function createCatalogue(modules: Readonly<Record<string, ConfigModule>>): Catalogue {
  const entries = Object.entries(modules).flatMap(([module, flags]) =>
    Object.entries(flags).map(([key, flag]) => ({ module, key, flag })),
  );
  const byFlag = new Map<string, CatalogueEntry>();
  const byYaml = new Map<string, CatalogueEntry>();
  for (const entry of entries) {
    assert(!byFlag.has(entry.flag.flag), `flag -${entry.flag.flag} is declared twice`);
    assert(!byYaml.has(entry.flag.yaml), `YAML path ${entry.flag.yaml} is declared twice`);
    byFlag.set(entry.flag.flag, entry);
    byYaml.set(entry.flag.yaml, entry);
  }
  for (const path of byYaml.keys()) {
    for (const section of sectionsOf(path)) {
      assert(!byYaml.has(section), `YAML path ${section} is both a value and a section`);
    }
  }
  return { entries, byFlag, byYaml };
}

/** `a.b.c` lies in the sections `a` and `a.b`. */
export function sectionsOf(path: string): string[] {
  const parts = path.split('.');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'));
}
