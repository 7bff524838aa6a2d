// Walks a directory tree in the order of object keys, which is not the order of names: a directory `a`
// stands for keys that begin with `a/`.
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent } from './file-errors.ts';

export type Listed =
  | { readonly kind: 'object'; readonly key: string }
  | { readonly kind: 'prefix'; readonly key: string };

/** `hidden`: a name at the root that holds no objects. */
export async function* walk(
  root: string,
  hidden: string,
  prefix: string,
  delimiter: '/' | undefined,
): AsyncIterable<Listed> {
  const slash = prefix.lastIndexOf('/') + 1;
  yield* walkBelow(root, hidden, prefix.slice(0, slash), prefix.slice(slash), delimiter);
}

async function* walkBelow(
  root: string,
  hidden: string,
  base: string,
  start: string,
  delimiter: '/' | undefined,
): AsyncIterable<Listed> {
  for (const { name, isDirectory } of await sortedEntries(join(root, base))) {
    if (!name.startsWith(start) || (base === '' && name === hidden)) continue;
    const key = base + name;
    if (!isDirectory) yield { kind: 'object', key };
    else if (delimiter !== undefined) yield { kind: 'prefix', key: `${key}/` };
    else yield* walkBelow(root, hidden, `${key}/`, '', undefined);
  }
}

async function sortedEntries(directory: string) {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  return entries
    .map((entry) => {
      const isDirectory = entry.isDirectory();
      return { name: entry.name, isDirectory, order: isDirectory ? `${entry.name}/` : entry.name };
    })
    .sort((a, b) => (a.order < b.order ? -1 : 1));
}
