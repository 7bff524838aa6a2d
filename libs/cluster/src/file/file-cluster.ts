// Cluster state of a process that is alone: memory, and a file beside it with the partitions, so that a
// restart finds their states, versions and locks. Instances and owners are gone with the process, as they are
// when a process of a cluster dies: it says anew what it is and owns. Invariant: a change of a partition that
// was answered is on disk; one that was not may be. The file is small and replaced as a whole.
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';
import type { Cluster, PartitionEntry } from '../cluster.ts';
import { parseEntry } from '../fold.ts';
import { createMemoryCluster } from '../memory/memory-cluster.ts';

/** `{"format": 1, "partitions": [entries as in the cluster topic, deleted ones too]}`. */
const FORMAT = 1;

export interface FileClusterParts {
  readonly clock: Clock;
  readonly log: Logger;
}

/** A file that is damaged or of another format is put aside: then all partitions begin anew. */
export async function openFileCluster(path: string, parts: FileClusterParts): Promise<Cluster> {
  const memory = createMemoryCluster();
  for (const entry of await load(path, parts)) await memory.put(entry);
  const save = oneAtATime(() => replace(path, textOf(memory)));
  return {
    view: memory.view,
    subscribe: memory.subscribe,
    async put(entry) {
      await memory.put(entry);
      if (entry.kind === 'partition') await save();
    },
    async remove(entry) {
      await memory.remove(entry);
      if (entry.kind === 'partition') await save();
    },
    sync: memory.sync,
    close: memory.close,
  };
}

function textOf({ view }: Cluster): string {
  const entries = [...view.partitions.values(), ...view.deleted.values()];
  const partitions = entries.sort((a, b) => a.partition - b.partition);
  return `${JSON.stringify({ format: FORMAT, partitions })}\n`;
}

/** Who asks while it runs gets the next run, which is one for all who ask meanwhile. */
function oneAtATime(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= running.then(() => {
      const done = run();
      next = undefined;
      running = done.catch(() => undefined);
      return done;
    });
    return next;
  };
}

async function replace(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.tmp`, text, { flush: true });
  await rename(`${path}.tmp`, path);
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function load(path: string, { clock, log }: FileClusterParts): Promise<PartitionEntry[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const entries = parse(text);
  if (entries !== undefined) return entries;
  const aside = `${path}.quarantined-${Math.floor(clock.nowMs())}`;
  await rename(path, aside);
  log.error({ aside }, 'states of partitions are damaged: put aside; all partitions begin anew');
  return [];
}

function parse(text: string): PartitionEntry[] | undefined {
  let content: { format?: unknown; partitions?: unknown } | null;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (content?.format !== FORMAT || !Array.isArray(content.partitions)) return undefined;
  const entries = content.partitions.map((entry) => parseEntry(JSON.stringify(entry) ?? ''));
  return entries.every((entry) => entry?.kind === 'partition') ? entries : undefined;
}
