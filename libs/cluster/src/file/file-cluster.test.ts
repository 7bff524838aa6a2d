// The file keeps what the cluster topic would: states, versions, locks, and what was deleted.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PartitionEntry } from '../cluster.ts';
import { openFileCluster } from './file-cluster.ts';

const parts = { clock: systemClock, log: silentTelemetry().log };
const entry = (partition: number, over: Partial<PartitionEntry> = {}): PartitionEntry => ({
  ...{ kind: 'partition', partition, state: 'ACTIVE', sinceMs: 5, version: 1, ...over },
});

let dir = '';
let path = '';

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-file-cluster-'));
  path = join(dir, 'cluster', 'partitions.json');
});
afterEach(() => rm(dir, { recursive: true }));

const open = () => openFileCluster(path, parts);

describe('a cluster of one process', () => {
  it('remembers partitions, locks and versions, and forgets instances and owners', async () => {
    const first = await open();
    const drained = { instance: 'a', zone: 'z' };
    const kept = [
      entry(0),
      entry(1, { state: 'INACTIVE', drained, version: 7, lockedSinceMs: 9 }),
      entry(2, { state: 'DELETED', version: 3 }),
    ];
    for (const one of kept) await first.put(one);
    const instance = { id: 'a', address: 'a:1', zone: '', targets: [], heartbeatMs: 1 } as const;
    await first.put({ kind: 'instance', ...instance });
    const owner = { partition: 0, zone: '', instance: 'a', serving: true, claim: 1 };
    await first.put({ kind: 'owner', ...owner });
    await first.close();

    const { view } = await open();
    expect([...view.partitions.values()]).toEqual(kept.slice(0, 2));
    expect([...view.deleted.values()]).toEqual([kept[2]]);
    expect([view.instances.size, view.owners.size]).toEqual([0, 0]);
  });

  it('has on disk what was answered, though nothing was closed', async () => {
    const first = await open();
    await first.put(entry(0));
    await Promise.all([
      ...[first.put(entry(0, { version: 2, lockedSinceMs: 1 })), first.put(entry(1))],
      first.put(entry(0, { version: 3, state: 'INACTIVE' })),
    ]);
    const { view } = await open();
    expect([...view.partitions.values()].map(({ version }) => version)).toEqual([3, 1]);
    await first.remove(entry(1));
    expect((await open()).view.partitions.size).toBe(1);
  });

  it('says so when a change could not be stored, and stores it with the next', async () => {
    const cluster = await open();
    await writeFile(join(dir, 'cluster'), 'a file where the folder should be');
    await expect(cluster.put(entry(0))).rejects.toThrow('EEXIST');
    await rm(join(dir, 'cluster'));
    await cluster.put(entry(1));
    expect((await open()).view.partitions.size).toBe(2);
  });

  it('puts aside what it does not understand, and begins anew', async () => {
    await mkdir(join(dir, 'cluster'));
    const whole = JSON.stringify({ format: 1, partitions: [entry(0)] });
    for (const bad of ['', '{', 'null', '[]', whole.replace('1', '2'), whole.slice(0, -1)]) {
      await writeFile(path, bad);
      const { view } = await open();
      expect(view.partitions.size, bad).toBe(0);
      expect(await readdir(join(dir, 'cluster'))).not.toContain('partitions.json');
    }
    const aside = (await readdir(join(dir, 'cluster'))).filter((name) => name.includes('quaran'));
    expect(aside.length).toBeGreaterThan(0);
    await writeFile(path, whole);
    expect((await open()).view.partitions.size).toBe(1);
  });

  it('takes no bytes for anything but partitions', async () => {
    await mkdir(join(dir, 'cluster'));
    await fc.assert(
      fc.asyncProperty(fc.json(), async (partitions) => {
        await writeFile(path, `{"format":1,"partitions":[${partitions}]}`);
        expect((await open()).view.partitions.size).toBe(0);
      }),
      { numRuns: 20 },
    );
  });
});
