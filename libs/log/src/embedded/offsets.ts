// Committed group offsets: one small file, replaced atomically. Commits that arrive while one is being
// written share the next write.
import { text } from '@weir/bytes';
import type { Logger } from '@weir/telemetry';
import type { OffsetStore } from '../in-process/group.ts';
import type { CommittedOffset } from '../partition-log.ts';
import { type Files, readIfThere, replaceFile } from './files.ts';
import { diskError } from './segment.ts';

const FILE = 'groups.json';

type Groups = Record<string, Record<string, CommittedOffset>>;

export interface GroupOffsets extends OffsetStore {
  /** The lowest offset that every group has committed; undefined when there is no group or one lacks it. */
  lowest(partition: number): number | undefined;
  /** The highest committed offset of any group, or 0. */
  highest(partition: number): number;
}

export async function openGroupOffsets(
  files: Files,
  directory: string,
  log: Logger,
  committed: () => void,
): Promise<GroupOffsets> {
  const groups = await loadGroups(files, directory, log);
  let writing: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  const write = async () => {
    try {
      await replaceFile(files, directory, FILE, JSON.stringify(groups));
    } catch (error) {
      throw diskError('commit', error);
    } finally {
      writing = undefined;
    }
  };
  const save = (): Promise<void> => {
    if (writing === undefined) {
      writing = write();
      return writing;
    }
    queued ??= writing
      .catch(() => {})
      .then(() => {
        queued = undefined;
        writing = write();
        return writing;
      });
    return queued;
  };
  const of = (partition: number) =>
    Object.values(groups).map((offsets) => offsets[partition]?.nextOffset);
  return {
    committed: (group, partition) => groups[group]?.[partition],
    async commit(group, partition, offset) {
      const offsets = groups[group] ?? {};
      groups[group] = offsets;
      offsets[partition] = offset;
      await save();
      committed();
    },
    lowest(partition) {
      const offsets = of(partition);
      if (offsets.length === 0) return undefined;
      const lowest = Math.min(...offsets.map((offset) => offset ?? -1));
      return lowest < 0 ? undefined : lowest;
    },
    highest: (partition) => Math.max(0, ...of(partition).map((offset) => offset ?? 0)),
  };
}

async function loadGroups(files: Files, directory: string, log: Logger): Promise<Groups> {
  const bytes = await readIfThere(files, `${directory}/${FILE}`);
  if (bytes === undefined) return {};
  try {
    return JSON.parse(text(bytes));
  } catch (error) {
    // Without offsets nothing is truncated and readers start over: safe, so the log opens.
    log.error({ err: error, file: `${directory}/${FILE}` }, 'embedded log: group offsets are lost');
    return {};
  }
}
