// A mark that stands while a head is being opened, and counts: `<partition>/head.opening` holds how many
// openings in a row have begun and not ended. RocksDB is native code, and a store that makes it abort ends
// the process at every start, for ever; so after a few such openings the head is put aside unopened, as a
// damaged one. An opening that fails with an error has ended. The file is not synced: what ends a process
// leaves the page cache alone, and a loss of power may lose the count.
//
// A start that is cut short from outside is no fault of the head's. Orchestrators ask before they kill, and
// then the mark is removed (end(), by the thread that was asked: the one that opens may be busy for long). A
// bare kill counts; it takes OPENINGS_MAX of them in a row, each within the seconds of an opening, to put a
// good head aside, and that costs a rebuild and no data.
//
// The process ends for all that it is opening. So whoever has a mark is opened while no other that has one
// is (partition-start.ts): then the count of a good head is taken back at the next start.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '@weir/errors';

/** After so many openings in a row that did not end, the head is not opened again. */
export const OPENINGS_MAX = 3;

const MARK_FILE = 'head.opening';

export interface OpeningMark {
  /** Openings in a row that have begun and not ended. */
  unfinished(): Promise<number>;
  /** Opens under the mark. Rejects with `corrupt`, without having tried, after OPENINGS_MAX in a row. */
  open<Opened>(open: () => Promise<Opened>): Promise<Opened>;
  /** Nothing is being opened any more, or what ends it is no fault of the head's. */
  end(): Promise<void>;
}

export function createOpeningMark(partitionDir: string): OpeningMark {
  const path = join(partitionDir, MARK_FILE);

  async function unfinished(): Promise<number> {
    let found: string;
    try {
      found = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
      throw error;
    }
    // A loss of power may leave a file without content: one opening at least.
    return Math.max(1, Number.parseInt(found, 10) || 1);
  }

  const end = () => rm(path, { force: true });

  return {
    unfinished,
    end,
    async open(open) {
      const before = await unfinished();
      if (before >= OPENINGS_MAX) {
        throw new WeirError('corrupt', `opening it ended the process ${before} times in a row`);
      }
      await writeFile(path, `${before + 1}\n`);
      try {
        return await open();
      } finally {
        await end();
      }
    },
  };
}
