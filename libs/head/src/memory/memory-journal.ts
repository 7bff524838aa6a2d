// Files of a journal in memory. A file's bytes are replaced, never changed, so that copies share them.
import type { JournalFiles } from '../head.ts';

export interface MemoryJournal extends JournalFiles {
  /** What the files hold now, written further on its own. */
  copy(): MemoryJournal;
  /** By number; tests may cut them short or change them. */
  readonly files: Map<number, Uint8Array>;
}

export function createMemoryJournal(
  from: ReadonlyMap<number, Uint8Array> = new Map(),
): MemoryJournal {
  const files = new Map(from);
  return {
    files,
    copy: () => createMemoryJournal(files),
    list: async () => [...files.keys()].sort((a, b) => a - b),
    read(file, at, into) {
      const bytes = (files.get(file) ?? new Uint8Array(0)).subarray(at, at + into.length);
      into.set(bytes);
      return bytes.length;
    },
    async append(file, bytes) {
      const before = files.get(file) ?? new Uint8Array(0);
      const after = new Uint8Array(before.length + bytes.length);
      after.set(before);
      after.set(bytes, before.length);
      files.set(file, after);
    },
    async remove(numbers) {
      for (const number of numbers) files.delete(number);
    },
  };
}
