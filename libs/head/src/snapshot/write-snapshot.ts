// A head's committed state as a stream: one scan of the whole store, which sees the rows of its beginning
// while checkpoints and drops go on. The commit row comes first in key order and says what counts: rows of
// later epochs and of ones that were cut short are left out, and of each pair of slots the older row. The
// slabs that the scan's directory names follow; they are pinned from before the scan begins.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { DIRECTORY, type Directory } from '../slabs/directory.ts';
import { EXTENT_BYTES } from '../slabs/extents.ts';
import {
  createDirectories,
  readDirectoryRow,
  readSlab,
  type SlabSpace,
} from '../slabs/slab-space.ts';
import type { CheckedStore } from '../store/checked-store.ts';
import {
  CHUNKS,
  COMMIT_KEY,
  DISCARDS,
  EXEMPLARS,
  FORMAT_VERSION,
  HISTOGRAMS,
  keyNumber,
  METADATA,
  rowEpoch,
  TENANT,
} from '../store/rows.ts';
import { deflate } from './deflate.ts';
import { FrameWriter, SNAPSHOT_FORMAT } from './frames.ts';

const FIRST_KEY = Uint8Array.of(0);
const END_KEY = Uint8Array.of(0xff);
/** Rows in two slots, the row's epoch in its first four bytes. */
const SLOTTED = new Set([DISCARDS, EXEMPLARS, HISTOGRAMS, METADATA, TENANT]);
/** A chunk row's epoch is the last number of its key. */
const CHUNK_KEY_EPOCH = 5;

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface Committed {
  readonly epoch: number;
  readonly position: number;
  readonly aborted: readonly number[];
}

/**
 * The stream's pieces: the header first, then frames of about 256 KiB or one slab, the footer last. Rejects
 * with `not-found` when nothing was ever committed, with `corrupt` when a row or a slab is damaged.
 * `space` is that of the store.
 */
export async function* writeSnapshot(
  store: CheckedStore,
  space: SlabSpace,
  topicId: string,
  partition: number,
): AsyncGenerator<Uint8Array> {
  const writer = new FrameWriter();
  const directories = createDirectories();
  const unpin = space.pin();
  try {
    yield* writeRows(store, writer, directories, { topicId, partition });
    yield* writeSlabs(store, writer, directories);
    yield writer.footer();
  } finally {
    unpin();
  }
}

async function* writeRows(
  store: CheckedStore,
  writer: FrameWriter,
  directories: readonly Directory[],
  of: { readonly topicId: string; readonly partition: number },
): AsyncGenerator<Uint8Array> {
  let committed: Committed | undefined;
  let waiting: Row | undefined;
  for await (const rows of store.scan(FIRST_KEY, END_KEY)) {
    for (const [key, value] of rows) {
      if (committed === undefined) {
        committed = readCommit(key, value);
        const { position, epoch } = committed;
        const format = SNAPSHOT_FORMAT;
        const rowFormat = FORMAT_VERSION;
        yield writer.header({ format, rowFormat, ...of, position, epoch });
      }
      if (key[0] === DIRECTORY) readDirectoryRow(directories, key, value);
      const row = { key, value };
      if (!counts(row, committed)) continue;
      const before = waiting;
      waiting = newer(waiting, row);
      // Another row than the one that waited: nothing can replace that one any more.
      const frame = before && waiting === row && !isPair(before, row) && put(writer, before);
      if (frame) yield frame;
    }
  }
  if (committed === undefined || waiting === undefined) throw nothing(of.partition);
  const last = put(writer, waiting);
  if (last) yield last;
  const rest = writer.flush();
  if (rest) yield rest;
}

async function* writeSlabs(
  store: CheckedStore,
  writer: FrameWriter,
  directories: readonly Directory[],
): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(EXTENT_BYTES.arenas);
  for (const directory of directories) {
    const { file } = directory;
    for (let number = 0; number < directory.end; number++) {
      const slab = directory.get(number);
      if (slab === undefined) continue;
      const { extent, used } = slab;
      const raw = memory.subarray(0, used);
      readSlab(store, directory, number, [raw]);
      // Labels become a fraction; the others mostly don't.
      const deflated = file === 'arenas' ? deflate(raw) : raw;
      const isDeflated = deflated.length < used;
      yield writer.slab({ file, extent, used, isDeflated, bytes: isDeflated ? deflated : raw });
    }
  }
}

function put(writer: FrameWriter, { key, value }: Row): Uint8Array | undefined {
  return writer.row(key, value);
}

function nothing(partition: number): WeirError {
  return new WeirError('not-found', `partition ${partition} has no checkpoint to be told of`);
}

function readCommit(key: Uint8Array, value: Uint8Array): Committed {
  if (key.length !== 1 || key[0] !== COMMIT_KEY[0]) {
    throw new WeirError('not-found', 'the head has no checkpoint to be told of');
  }
  return JSON.parse(text(value)) as Committed;
}

function counts({ key, value }: Row, { epoch, aborted }: Committed): boolean {
  const isChunk = key[0] === CHUNKS;
  if (!isChunk && !SLOTTED.has(key[0])) return true;
  const written = isChunk ? keyNumber(key, CHUNK_KEY_EPOCH) : rowEpoch(value);
  return written <= epoch && !aborted.includes(written);
}

/** Of two slots of one thing the row of the later epoch; else the second. */
function newer(first: Row | undefined, second: Row): Row {
  if (first === undefined || !isPair(first, second)) return second;
  return rowEpoch(first.value) >= rowEpoch(second.value) ? first : second;
}

function isPair(first: Row, second: Row): boolean {
  return (
    SLOTTED.has(first.key[0]) &&
    first.key[0] === second.key[0] &&
    keyNumber(first.key, 0) === keyNumber(second.key, 0)
  );
}
