// Puts a snapshot into an empty store, piece by piece. The commit row is written last, synced, and only
// when the footer has confirmed the whole, and each slab of the directory has come, to the extent that the
// directory names: a restore that was cut short leaves a store without a
// checkpoint, which its owner throws away.
import { WeirError } from '@weir/errors';
import type { HeadStore } from '../head.ts';
import { DIRECTORY } from '../slabs/directory.ts';
import { createCheckedStore } from '../store/checked-store.ts';
import { COMMIT_KEY, FORMAT_VERSION } from '../store/rows.ts';
import { inflate } from './deflate.ts';
import { ExpectedSlabs } from './expected-slabs.ts';
import {
  bad,
  FOOTER,
  type Frame,
  FrameReader,
  HEADER,
  ROWS,
  readFooter,
  readHeader,
  readRows,
  readSlabFrame,
  SLAB,
  type SnapshotHeader,
} from './frames.ts';

export interface SnapshotExpected {
  readonly topicId: string;
  readonly partition: number;
}

export interface SnapshotRestore {
  /**
   * Takes the next bytes. Throws `corrupt` with the reason: damage, another topic or partition, an
   * unknown format. After that the store is of no use.
   */
  push(bytes: Uint8Array): Promise<void>;
  /** After all bytes: makes it count, and tells what it was. */
  finish(): Promise<SnapshotHeader>;
}

export function restoreSnapshot(inner: HeadStore, expected: SnapshotExpected): SnapshotRestore {
  const store = createCheckedStore(inner);
  const reader = new FrameReader();
  let header: SnapshotHeader | undefined;
  let commit: Uint8Array | undefined;
  let ended = false;
  let rows = 0;
  let bytes = 0;
  const slabs = new ExpectedSlabs();

  async function take({ kind, payload }: Frame): Promise<void> {
    if (ended) throw bad('it goes on behind its footer');
    if (kind === HEADER && header === undefined) header = checked(readHeader(payload), expected);
    else if (kind === ROWS && header !== undefined) await takeRows(payload);
    else if (kind === SLAB && header !== undefined) await takeSlab(payload);
    else if (kind === FOOTER && header !== undefined) takeFooter(payload);
    else throw bad(`a frame of kind ${kind} is out of place`);
  }

  async function takeRows(payload: Uint8Array): Promise<void> {
    const puts: [Uint8Array, Uint8Array][] = [];
    readRows(payload, (key, value) => {
      rows++;
      bytes += key.length + value.length;
      if (key.length === 1 && key[0] === COMMIT_KEY[0]) commit = value.slice();
      else puts.push([key, value]);
      if (key[0] === DIRECTORY) slabs.expect(key, value);
    });
    await store.write({ puts, deletes: [] }, false);
  }

  async function takeSlab(payload: Uint8Array): Promise<void> {
    const frame = readSlabFrame(payload);
    const slab = frame.isDeflated ? inflate(frame.bytes, frame.used) : frame.bytes;
    slabs.take(frame.file, frame.extent, slab);
    await store.slabs.write(frame.file, frame.extent, slab);
  }

  function takeFooter(payload: Uint8Array): void {
    const footer = readFooter(payload);
    if (footer.rows !== rows || footer.bytes !== bytes) {
      throw bad(`it has ${rows} rows of ${bytes} bytes, its footer says otherwise`);
    }
    slabs.finish();
    ended = true;
  }

  return {
    async push(piece) {
      for (const frame of reader.push(piece)) await take(frame);
    },
    async finish() {
      reader.finish();
      if (!ended || header === undefined) throw bad('its end is missing');
      if (commit === undefined) throw bad('it has no commit row');
      await store.slabs.sync();
      await store.write({ puts: [[COMMIT_KEY, commit]], deletes: [] }, true);
      return header;
    },
  };
}

function checked(header: SnapshotHeader, expected: SnapshotExpected): SnapshotHeader {
  const { topicId, partition, rowFormat } = header;
  if (topicId !== expected.topicId) throw bad(`it is of topic ${topicId}`);
  if (partition !== expected.partition) throw bad(`it is of partition ${partition}`);
  if (rowFormat !== FORMAT_VERSION) {
    throw bad(`its rows have format ${rowFormat}, this version reads ${FORMAT_VERSION}`);
  }
  return header;
}

/** The header of a snapshot from its first piece, as snapshot() gives it. */
export function snapshotHeader(firstPiece: Uint8Array): SnapshotHeader {
  const [frame] = new FrameReader().push(firstPiece);
  if (frame?.kind === HEADER) return readHeader(frame.payload);
  throw new WeirError('corrupt', 'snapshot has no header');
}
