// Snapshots: what comes back is the committed state of the scan's beginning, whatever goes on meanwhile;
// and no damaged, cut or foreign one is believed. Rows of a damaged store are never an answer.
import { isKind } from '@weir/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadStore, PartitionHead } from '../head.ts';
import { createMemoryHeadStore } from '../memory/index.ts';
import { openPartitionHead } from '../open.ts';
import { record, series, writeRequest } from '../records/record-fixture.ts';
import { FrameWriter, SNAPSHOT_FORMAT } from './frames.ts';
import { restoreSnapshot, snapshotHeader } from './restore-snapshot.ts';

const TOPIC = 'topic-a';
const PARTITION = 3;

const openHead = (store: HeadStore) => openPartitionHead({ partition: PARTITION }, { store });

/** A record a minute, 40 series of which some are new each time. */
function applyMinutes(head: PartitionHead, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    const all = Array.from({ length: 40 }, (_, i) =>
      series({ __name__: `m${i % 3}`, i: String(i + Math.floor(step / 9)) }, [
        step * 60_000,
        step * i,
      ]),
    );
    head.apply([record(step, writeRequest(...all))], step + 1);
  }
}

async function piecesOf(head: PartitionHead): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of head.snapshot(TOPIC)) pieces.push(piece);
  return pieces;
}

async function restore(bytes: Uint8Array, pieceBytes: number, topicId = TOPIC, partition = 3) {
  const store = createMemoryHeadStore();
  const restoring = restoreSnapshot(store, { topicId, partition });
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    await restoring.push(bytes.subarray(from, from + pieceBytes));
  }
  return { header: await restoring.finish(), store };
}

async function samplesOf(head: PartitionHead): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of head.select({ tenant: 'one', matchers: [], minT: 0, maxT: 1e15 })) {
    for (const { labels, chunks } of batch) {
      for (const { bytes } of chunks) {
        found.push(`${Buffer.from(labels).toString('hex')} ${Buffer.from(bytes).toString('hex')}`);
      }
    }
  }
  return found.sort();
}

async function snapshotBytes(): Promise<Uint8Array> {
  const head = await openHead(createMemoryHeadStore());
  applyMinutes(head, 0, 70);
  await head.checkpoint();
  return Buffer.concat(await piecesOf(head));
}

describe('snapshot', () => {
  it('holds the checkpoint of its beginning, though more is applied, dropped and committed', async () => {
    const store = createMemoryHeadStore();
    const head = await openHead(store);
    for (let step = 0; step < 240; step += 30) {
      applyMinutes(head, step, step + 30);
      if (step % 60 === 0) await head.checkpoint();
    }
    for (const window of head.cutDue(false)) head.drop(window);
    await head.checkpoint();
    applyMinutes(head, 240, 250);
    const kept = store.copy();

    const pieces: Uint8Array[] = [];
    for await (const piece of head.snapshot(TOPIC)) {
      if (pieces.length === 0) {
        applyMinutes(head, 250, 260);
        for (const window of head.cutDue(true)) head.drop(window);
        await head.checkpoint();
        await head.checkpoint();
      }
      pieces.push(piece);
    }
    expect(snapshotHeader(pieces[0])).toMatchObject({
      topicId: TOPIC,
      partition: 3,
      position: 240,
    });
    for (const pieceBytes of [7, 1000, 1 << 20]) {
      const { header, store } = await restore(Buffer.concat(pieces), pieceBytes);
      expect(header.position).toBe(240);
      const restored = await openHead(store);
      const expected = await openHead(kept.copy());
      expect(restored.digest()).toBe(expected.digest());
      expect(await samplesOf(restored)).toEqual(await samplesOf(expected));
      // And it goes on as the first one did: the function is the same.
      applyMinutes(restored, 240, 300);
      applyMinutes(expected, 240, 300);
      await restored.checkpoint();
      expect(restored.digest()).toBe(expected.digest());
    }
  });

  it('leaves out rows that a checkpoint which was cut short has written', async () => {
    let failing = false;
    const store = createMemoryHeadStore({
      onWrite({ puts }) {
        if (failing && puts.some(([key]) => key[0] === 0x41)) throw new Error('power loss');
      },
    });
    const head = await openHead(store);
    applyMinutes(head, 0, 30);
    await head.checkpoint();
    const digest = head.digest();
    applyMinutes(head, 30, 60);
    failing = true;
    await expect(head.checkpoint()).rejects.toThrow('power loss');
    const bytes = Buffer.concat(await piecesOf(head));
    const { header, store: restored } = await restore(bytes, 4096);
    expect(header.position).toBe(30);
    expect((await openHead(restored)).digest()).toBe(digest);
    // Of each pair of slots one row, so at most what a second copy would have.
    expect(restored.rowCount).toBeLessThan(store.rowCount);
  });

  it('is not there before the first checkpoint', async () => {
    const head = await openHead(createMemoryHeadStore());
    await expect(piecesOf(head)).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('is refused when it is of another topic or partition', async () => {
    const bytes = await snapshotBytes();
    await expect(restore(bytes, 512, 'topic-b')).rejects.toThrow(`it is of topic ${TOPIC}`);
    await expect(restore(bytes, 512, TOPIC, 4)).rejects.toThrow('it is of partition 3');
  });

  it('is refused when any byte differs, is missing or is added', async () => {
    const bytes = await snapshotBytes();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const flipped = Uint8Array.from(bytes);
          flipped[at] ^= by;
          await expect(restore(flipped, 3000)).rejects.toMatchObject({ kind: 'corrupt' });
          await expect(restore(bytes.subarray(0, at), 3000)).rejects.toMatchObject({
            kind: 'corrupt',
          });
          const more = Buffer.concat([bytes, bytes.subarray(at)]);
          await expect(restore(more, 3000)).rejects.toMatchObject({ kind: 'corrupt' });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says so when its format is unknown', async () => {
    const header = { rowFormat: 2, topicId: TOPIC, partition: 3, position: 1, epoch: 1 };
    const unknown = new FrameWriter().header({ ...header, format: 9 });
    await expect(restore(unknown, 512)).rejects.toThrow('format 9 is unknown');
    const rows = new FrameWriter().header({ ...header, format: SNAPSHOT_FORMAT, rowFormat: 99 });
    await expect(restore(rows, 512)).rejects.toThrow('its rows have format 99');
  });
});

describe('a damaged row', () => {
  it('is an error and remembered, never an answer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (pick, by) => {
        const whole = createMemoryHeadStore();
        const written: Uint8Array[] = [];
        const damaging = createMemoryHeadStore({
          onWrite: ({ puts }) => written.push(...puts.map(([, value]) => value)),
        });
        for (const store of [whole, damaging]) {
          const head = await openHead(store);
          applyMinutes(head, 0, 130);
          await head.checkpoint();
        }
        // The same rows again with one byte changed, as a bad disk or memory would have it.
        const target = createMemoryHeadStore({
          onWrite({ puts }) {
            const row = puts[pick % puts.length][1];
            row[pick % row.length] ^= by;
          },
        });
        const puts: [Uint8Array, Uint8Array][] = [];
        for await (const rows of damaging.scan(Uint8Array.of(0), Uint8Array.of(255))) {
          for (const [key, value] of rows) puts.push([key, value.slice()]);
        }
        await target.write({ puts, deletes: [] }, true);
        const expected = await samplesOf(await openHead(whole));
        let head: PartitionHead | undefined;
        try {
          head = await openHead(target);
          expect(await samplesOf(head)).toEqual(expected);
          expect(head.damage).toBeUndefined();
        } catch (error) {
          if (!isKind(error, 'corrupt')) throw error;
          if (head !== undefined) expect(head.damage?.kind).toBe('corrupt');
        }
      }),
      { numRuns: 25 },
    );
  });
});
