// The directory of pages: which have series, and in which of its two slots each of their rows lies. It is
// written with the commit, so that opening a head reads the rows that count, by their keys, and no others;
// a row that it names and that is gone is damage.
import { WeirError } from '@weir/errors';
import type { HeadStore } from '../head.ts';
import { isEmptyPage, type Page, type Pages } from '../pages/pages.ts';
import { key, rowEpoch } from './rows.ts';

/** Bits of a page's byte in the directory. */
export const IN_USE = 1;
/** The slots that the next writes take; the committed rows lie in the others. */
export const LABELS_NEXT = 2;
export const OPEN_NEXT = 4;
/** Rows that the page has beside its labels. */
export const HAS_OPEN = 8;
export const HAS_HISTOGRAMS = 16;

/** Rows got in one call, and calls that wait while the rows of one are worked on. */
const BATCH = 64;
const AHEAD = 4;

/** Which pages have series now. */
export function pagesInUse({ byId }: Pages): Uint8Array {
  const inUse = new Uint8Array(byId.length);
  for (let id = 0; id < inUse.length; id++) {
    const page = byId[id];
    if (page !== undefined && !isEmptyPage(page)) inUse[id] = IN_USE;
  }
  return inUse;
}

/** The directory of the pages in `inUse`, with the slots that the next writes take after this checkpoint. */
export function encodePages(
  pages: Pages,
  inUse: Uint8Array,
  has: readonly number[],
  written: { readonly labels: readonly number[]; readonly open: readonly number[] },
): Uint8Array {
  const row = inUse.slice();
  const put = ({ id, labelsSlot, openSlot }: Pick<Page, 'id' | 'labelsSlot' | 'openSlot'>) => {
    if (id < row.length) row[id] |= labelsSlot * LABELS_NEXT + openSlot * OPEN_NEXT;
  };
  for (const page of pages.byId) if (page !== undefined) put(page);
  for (const page of pages.freeNumbers) put(page);
  for (const id of written.labels) row[id] ^= LABELS_NEXT;
  for (const id of written.open) row[id] ^= OPEN_NEXT;
  for (let id = 0; id < row.length; id++) row[id] |= has[id] ?? 0;
  return row;
}

export interface PageRow {
  readonly id: number;
  readonly row: Uint8Array;
}

/** Rows of a kind of the pages with all these bits, in the order of ids. Throws `corrupt` where one is missing. */
export async function* pageRows(
  store: HeadStore,
  directory: Uint8Array,
  kind: number,
  bits: number,
  isCommitted: (epoch: number) => boolean,
): AsyncGenerator<PageRow> {
  const slotBit = bits === IN_USE ? LABELS_NEXT : OPEN_NEXT;
  const ids: number[] = [];
  for (let id = 0; id < directory.length; id++) if ((directory[id] & bits) === bits) ids.push(id);
  const batches: Promise<(Uint8Array | undefined)[]>[] = [];
  let asked = 0;
  try {
    for (let from = 0; from < ids.length; from += BATCH) {
      for (; asked < ids.length && asked < from + BATCH * AHEAD; asked += BATCH) {
        const keys = ids
          .slice(asked, asked + BATCH)
          .map((id) => key(kind, id, (directory[id] & slotBit) === 0 ? 1 : 0));
        const rows = store.getMany(keys);
        // Thrown where it is awaited; it may fail before that.
        rows.catch(() => {});
        batches.push(rows);
      }
      const rows = await batches.shift()!;
      for (const [at, row] of rows.entries()) {
        const id = ids[from + at];
        if (row === undefined || !isCommitted(rowEpoch(row))) {
          const name = String.fromCharCode(kind);
          throw new WeirError('corrupt', `head store: row ${name} of page ${id} is missing`);
        }
        yield { id, row };
      }
    }
  } finally {
    await Promise.allSettled(batches);
  }
}
