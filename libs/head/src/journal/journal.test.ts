// What a head takes from its journal at opening is what it had applied; and what in the journal is missing, damaged
// or of another history costs records, never a wrong state.
import { systemClock } from '@weir/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeadRecord, PartitionHead, TenantSettings } from '../head.ts';
import { createMemoryHeadStore, type MemoryHeadStore } from '../memory/memory-store.ts';
import { openPartitionHead } from '../open.ts';
import { message, record, seriesMessage } from '../records/record-fixture.ts';
import { sizeOfBytes, writeBytes } from './entries.ts';
import { FRAME_HEADER_BYTES, KIND, Words, writeFrameHeader } from './format.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = 1000 * HOUR;
const NONE: TenantSettings = { outOfOrderWindowMs: 0, seriesMax: 0 };

const open = (store: MemoryHeadStore, endOffset?: number) =>
  openPartitionHead({ partition: 0, endOffset, journalFrameBytes: 1 }, { store });

interface Named {
  readonly names: readonly string[];
  readonly backMs?: number;
  readonly tenant?: string;
}

/** A record of one sample of each series; a minute for each offset. */
function recordAt(offset: number, { names, backMs = 0, tenant = 'one' }: Named): HeadRecord {
  const t = START + offset * MINUTE - backMs;
  const series = names.map((name) =>
    seriesMessage({ __name__: 'm', name }, { samples: [[t, offset]] }),
  );
  return { ...record(offset, Buffer.concat(series), tenant), timestampMs: t };
}

function apply(head: PartitionHead, named: Named): void {
  head.apply([recordAt(head.position, named)], head.position + 1);
}

const AB: Named = { names: ['a', 'b'] };

/** A head with a checkpoint of series a and b at 2, and some journal behind it. */
async function started(records: number) {
  const store = createMemoryHeadStore();
  const head = await open(store);
  apply(head, AB);
  apply(head, AB);
  await head.checkpoint();
  for (let count = 0; count < records; count++) apply(head, AB);
  return { store, head };
}

/** Lets what was noted reach the files. */
function written(): Promise<void> {
  return systemClock.yield();
}

describe('the journal', () => {
  it('brings back what was applied after the checkpoint', async () => {
    const { store, head } = await started(3);
    apply(head, { names: ['c', 'a'] });
    apply(head, { names: ['a', 'c', 'b'] });
    head.configure('one', { ...NONE, outOfOrderWindowMs: HOUR });
    apply(head, { names: ['a'], backMs: 30 * MINUTE });
    head.apply([], head.position + 5);
    apply(head, { names: ['x'], tenant: 'two' });
    head.apply([{ ...record(head.position, Uint8Array.of(7), 'two') }], head.position + 1);
    await written();
    const again = await open(store.copy());
    expect(again.position).toBe(head.position);
    expect(again.checkpointPosition).toBe(2);
    expect(again.digest()).toBe(head.digest());
    expect(again.journal).toMatchObject({ replayedRecords: 8, stoppedBy: undefined, isOn: true });
    expect(again.discarded('two')).toEqual(head.discarded('two'));
  });

  it('goes on after each restart, and its files go with the next checkpoint', async () => {
    let { store, head } = await started(1);
    for (let life = 0; life < 3; life++) {
      await written();
      store = store.copy();
      head = await open(store);
      expect(head.position).toBe(3 + life);
      expect(head.journal.isOn).toBe(true);
      apply(head, AB);
    }
    await written();
    expect([...store.journal.files.keys()]).toHaveLength(4);
    const ahead = await open(store.copy());
    expect(ahead.digest()).toBe(head.digest());
    await head.checkpoint();
    expect([...store.journal.files.keys()]).toEqual([]);
    apply(head, AB);
    await written();
    expect((await open(store.copy())).digest()).toBe(head.digest());
  });

  it('is written for series that take refs which others had', async () => {
    const { store, head } = await started(0);
    for (let count = 0; count < 300; count++)
      apply(head, { names: [`gone${count}`], tenant: 'two' });
    // The tenant's only window: all its series go.
    for (const window of head.cutEarly('two', 0)) head.drop(window);
    await head.checkpoint();
    for (let count = 0; count < 150; count++) apply(head, { names: [`new${count}`, 'a'] });
    for (let count = 0; count < 150; count++) apply(head, { names: ['b', `new${count}`] });
    await written();
    const again = await open(store.copy());
    expect(again.journal).toMatchObject({ replayedRecords: 300, stoppedBy: undefined });
    expect(again.digest()).toBe(head.digest());
  });

  it('is written in pieces, and as far as it is when told to', async () => {
    const store = createMemoryHeadStore();
    const head = await openPartitionHead({ partition: 0 }, { store });
    await head.checkpoint();
    apply(head, AB);
    await written();
    expect(store.journal.files.size).toBe(0);
    head.journal.flush();
    head.journal.flush();
    apply(head, AB);
    await written();
    expect((await open(store.copy())).position).toBe(1);
    head.journal.flush();
    await written();
    expect((await open(store.copy())).digest()).toBe(head.digest());
  });

  it('does not begin before the first checkpoint does', async () => {
    const store = createMemoryHeadStore();
    const head = await open(store);
    apply(head, AB);
    await written();
    expect(head.journal.isOn).toBe(false);
    expect(store.journal.files.size).toBe(0);
  });

  it('leaves out what the log does not have', async () => {
    const { store, head } = await started(3);
    await written();
    expect((await open(store.copy(), 5)).position).toBe(5);
    const shorter = await open(store.copy(), 4);
    expect(shorter.position).toBe(4);
    apply(shorter, AB);
    expect(head.position).toBe(5);
    expect(shorter.digest()).toBe(head.digest());
  });
});

/** What each of them changes is in no entry. */
const COMMANDS: Readonly<Record<string, (head: PartitionHead) => void>> = {
  'cutDue(true)': (head) => void head.cutDue(true),
  prepareEarlyCut: (head) => {
    for (const _ of head.prepareEarlyCut('one'));
  },
  cutEarly: (head) => void head.cutEarly('one', HOUR),
  drop: (head) => head.drop(windowOf(head)),
  dropSteps: (head) => {
    for (const _ of head.dropSteps(windowOf(head)));
  },
  park: (head) => head.park('one', head.position + 1),
  markShipped: (head) =>
    head.markShipped([{ ...windowOf(head), throughOffset: head.position + 10 }]),
  'markShipped of a new tenant': (head) =>
    head.markShipped([{ ...windowOf(head), tenant: 'new', throughOffset: 0 }]),
};

function windowOf(head: PartitionHead) {
  return {
    ...{ tenant: 'one', minT: START, maxT: START + 2 * HOUR },
    ...{ firstOffset: 0, lastOffset: head.position - 1 },
  };
}

describe('a command that no entry tells', () => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    it(`ends the journal until the next checkpoint begins: ${name}`, async () => {
      const { store, head } = await started(2);
      const { position } = head;
      expect(head.journal.isOn).toBe(true);
      command(head);
      expect(head.journal.isOn).toBe(false);
      apply(head, { names: ['c'] });
      await written();
      expect((await open(store.copy())).position).toBe(position);
      const checkpoint = head.checkpoint();
      expect(head.journal.isOn || (await Promise.resolve().then(() => head.journal.isOn))).toBe(
        true,
      );
      apply(head, { names: ['c'] });
      await checkpoint;
      apply(head, { names: ['d'] });
      await written();
      const again = await open(store.copy());
      expect(again.position).toBe(head.position);
      expect(again.digest()).toBe(head.digest());
    });
  }

  it('is none that changes nothing', async () => {
    const { head } = await started(2);
    head.configure('one', NONE);
    head.cutDue(false);
    for (const _ of head.prepareCut(true));
    head.markShipped([{ ...windowOf(head), throughOffset: head.position - 1 }]);
    head.drop({ ...windowOf(head), tenant: 'unknown' });
    head.drop({ ...windowOf(head), minT: 0, maxT: 2 * HOUR });
    for (const _ of head.prepareEarlyCut('unknown'));
    head.cutEarly('unknown', 0);
    head.takeDiscards();
    head.digest();
    expect(head.journal.isOn).toBe(true);
  });
});

describe('a checkpoint that is not committed', () => {
  it('leaves a chain of files that lead on', async () => {
    let failing = false;
    const rows = createMemoryHeadStore({
      onWrite: () => {
        if (failing) throw new Error('disk');
      },
    });
    const head = await open(rows);
    apply(head, AB);
    await head.checkpoint();
    apply(head, AB);
    failing = true;
    await expect(head.checkpoint()).rejects.toThrow('disk');
    apply(head, { names: ['c'] });
    await expect(head.checkpoint()).rejects.toThrow('disk');
    await expect(head.checkpoint()).rejects.toThrow('disk');
    apply(head, { names: ['c', 'a'] });
    await written();
    const again = await open(rows.copy());
    expect(again.position).toBe(4);
    expect(again.digest()).toBe(head.digest());
    // What it has ended behind is not passed over.
    head.cutDue(true);
    apply(head, AB);
    await expect(head.checkpoint()).rejects.toThrow('disk');
    expect(head.journal.isOn).toBe(false);
    apply(head, AB);
    await written();
    expect((await open(rows.copy())).position).toBe(4);
  });
});

describe('a journal that is not whole', () => {
  /** Fed from the log to where the other is, it is the same. */
  async function catchUp(store: MemoryHeadStore, records: readonly HeadRecord[], digest: string) {
    const head = await open(store);
    expect(head.position).toBeGreaterThanOrEqual(2);
    expect(head.position).toBeLessThanOrEqual(records.length);
    for (const one of records.slice(head.position)) head.apply([one], one.offset + 1);
    expect(head.digest()).toBe(digest);
    return head;
  }

  const names = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 4 });
  const damage = fc.record({
    kind: fc.constantFrom('cut', 'flip', 'remove', 'old' as const),
    file: fc.nat(),
    at: fc.nat(),
    bit: fc.nat({ max: 7 }),
  });
  const life = fc.record({
    records: fc.array(names, { maxLength: 6 }),
    checkpoint: fc.boolean(),
    damages: fc.array(damage, { maxLength: 2 }),
  });

  it('costs records and nothing else, whatever befalls its files in whichever life', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
        const log = [0, 1].map((offset) => recordAt(offset, AB));
        let { store, head } = await started(0);
        const plain = await open(createMemoryHeadStore());
        plain.apply(log, 2);
        const old: (readonly [number, Uint8Array])[] = [];
        for (const { records, checkpoint, damages } of lives) {
          if (checkpoint) await head.checkpoint();
          for (const one of records) {
            const next = recordAt(log.length, { names: one });
            log.push(next);
            plain.apply([next], log.length);
            head.apply([next], log.length);
          }
          await written();
          old.push(...store.journal.files);
          store = store.copy();
          for (const one of damages) spoil(store.journal.files, old, one);
          head = await catchUp(store, log, plain.digest());
        }
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  function spoil(
    files: Map<number, Uint8Array>,
    old: readonly (readonly [number, Uint8Array])[],
    { kind, file, at, bit }: { kind: string; file: number; at: number; bit: number },
  ): void {
    // A file that was removed comes back, maybe in place of a newer one.
    if (kind === 'old' && old.length > 0) files.set(...old[file % old.length]);
    const numbers = [...files.keys()];
    if (numbers.length === 0) return;
    const number = numbers[file % numbers.length];
    const bytes = files.get(number)!.slice();
    if (kind === 'remove') files.delete(number);
    else if (kind === 'cut') files.set(number, bytes.slice(0, at % (bytes.length + 1)));
    else if (kind === 'flip' && bytes.length > 0) {
      bytes[at % bytes.length] ^= 1 << bit;
      files.set(number, bytes);
    }
  }

  it('is not believed where series have other refs', async () => {
    const one = await started(0);
    apply(one.head, { names: ['c'] });
    apply(one.head, { names: ['d'] });
    apply(one.head, { names: ['c'] });
    const other = await started(0);
    apply(other.head, { names: ['d'] });
    await written();
    // The first life's record of d comes where c has its ref... and none of it may be believed.
    const store = other.store.copy();
    for (const [number, bytes] of one.store.journal.files) store.journal.files.set(number, bytes);
    const head = await open(store);
    expect(head.position).toBeLessThanOrEqual(5);
    const log = [AB, AB, { names: ['c'] }, { names: ['d'] }, { names: ['c'] }];
    const plain = await open(createMemoryHeadStore());
    for (const named of log) apply(plain, named);
    while (head.position < 5) apply(head, log[head.position]);
    expect(head.digest()).toBe(plain.digest());
  });

  it('ends where the disk takes no more, and goes on with the next checkpoint', async () => {
    const { store, head } = await started(1);
    await written();
    const { append } = store.journal;
    Object.assign(store.journal, { append: () => Promise.reject(new Error('full')) });
    apply(head, AB);
    await written();
    expect(head.journal.isOn).toBe(false);
    expect(head.journal.takeFailure()?.message).toBe('full');
    expect(head.journal.takeFailure()).toBeUndefined();
    apply(head, AB);
    await written();
    Object.assign(store.journal, { append });
    expect((await open(store.copy())).position).toBe(3);
    await head.checkpoint();
    apply(head, AB);
    await written();
    expect((await open(store.copy())).position).toBe(head.position);
  });

  it('is thrown away where a record of it can not be applied', async () => {
    const { store } = await started(2);
    await written();
    const copy = store.copy();
    const [[number, bytes]] = copy.journal.files;
    copy.journal.files.set(number, Buffer.concat([bytes, frameOfNoSettings(4)]));
    const again = await open(copy);
    expect(again.position).toBe(2);
    expect(again.journal.stoppedBy).toBeUndefined();
    expect(copy.journal.files.size).toBe(0);
    apply(again, AB);
    await written();
    expect((await open(copy.copy())).position).toBe(3);
  });
});

/** A sound frame whose settings are no JSON. */
function frameOfNoSettings(position: number): Uint8Array {
  const [tenant, value] = [Buffer.from('one'), Buffer.from('{')];
  const size = sizeOfBytes(tenant, value, []);
  const words = new Words(FRAME_HEADER_BYTES + size);
  const place = { offset: position, timestampMs: 0 };
  const entry = { kind: KIND.settings, place, tenant, value, version: 0, created: [] };
  writeBytes(words, FRAME_HEADER_BYTES, size, entry);
  writeFrameHeader(words, 0, { length: words.bytes.length, from: position, to: position });
  return words.bytes;
}

describe('metadata', () => {
  const metadataOf = (help: string) =>
    message(0x1a, message(0x12, Buffer.from('m')), message(0x22, Buffer.from(help)));

  it('that was known before costs nothing, and what is new or refused is replayed', async () => {
    const { store, head } = await started(1);
    const applyWith = (help: string) => {
      const plain = recordAt(head.position, AB);
      const value = Buffer.concat([plain.value, metadataOf(help)]);
      head.apply([{ ...plain, value }], head.position + 1);
    };
    const growth = async (work: () => void) => {
      const before = head.journal.sizeBytes;
      work();
      await written();
      return head.journal.sizeBytes - before;
    };
    head.configure('one', { ...NONE, metadataPerMetricMax: 1 });
    const plain = await growth(() => apply(head, AB));
    const first = await growth(() => applyWith('h'));
    expect(await growth(() => applyWith('h'))).toBe(plain);
    const refused = await growth(() => applyWith('other'));
    expect(Math.min(first, refused)).toBeGreaterThan(plain);
    const again = await open(store.copy());
    expect(again.position).toBe(head.position);
    expect(again.digest()).toBe(head.digest());
    expect(again.metadata('one')).toEqual(head.metadata('one'));
    expect(again.discarded('one')).toEqual(head.discarded('one'));
    expect(again.discarded('one').reasons).toHaveLength(1);
  });

  it('is replayed from the record as it was', async () => {
    const { store, head } = await started(0);
    const metadata = metadataOf('h');
    head.apply([record(head.position, metadata, 'one')], head.position + 1);
    await written();
    const again = await open(store.copy());
    expect(again.metadata('one')).toEqual(head.metadata('one'));
    expect(again.metadata('one')).toHaveLength(1);
  });
});
