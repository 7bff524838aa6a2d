// Upload, discovery, deletion marks, manifests: on a memory bucket with a clock that the test moves.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Bucket } from '@weir/bucket';
import { createMemoryBucket } from '@weir/bucket/memory';
import { utf8 } from '@weir/bytes';
import { defaultsOf } from '@weir/config';
import { isKind } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import { type BlockSeries, writeBlock } from '@weir/tsdb/block';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createCatalog } from './catalog.ts';
import { catalogFlags } from './flags.ts';
import { type Manifest, manifestKey, readManifest, writeManifest } from './manifest.ts';
import { RangeCache } from './range-cache.ts';
import { uploadBlock } from './upload-block.ts';

const A = '01ARZ3NDEKTSV4RRFFQ69G5FAA';
const B = '01ARZ3NDEKTSV4RRFFQ69G5FAB';
const ALL = { matchers: [], minT: 0, maxT: 10_000 };
const root = await mkdtemp(join(tmpdir(), 'weir-catalog-'));
afterAll(() => rm(root, { recursive: true }));

let bucket: Bucket;
let nowMs = 0;
const clock = { ...systemClock, nowMs: () => nowMs, steadyMs: () => nowMs };

beforeEach(() => {
  bucket = createMemoryBucket();
  nowMs = 1_000_000_000;
});

const catalog = () => createCatalog(defaultsOf(catalogFlags), { bucket, clock });

/** A block with one series {a="<ulid>"} of one sample at minTime. */
async function blockDirectory(ulid: string, minTime: number): Promise<string> {
  const dir = await mkdtemp(join(root, 'block-'));
  const labels = new Uint8Array([10, 31, 10, 1, 97, 18, 26, ...utf8(ulid)]);
  const chunk = { minT: minTime, maxT: minTime, encoding: 2, bytes: new Uint8Array([0, 1, 9]) };
  async function* series(): AsyncIterable<readonly BlockSeries[]> {
    yield [{ labels, chunks: [chunk] }];
  }
  const sink = {
    async write(file: string, bytes: Uint8Array) {
      await mkdir(dirname(join(dir, file)), { recursive: true });
      await writeFile(join(dir, file), bytes, { flag: 'a' });
    },
  };
  const symbols = ['', ulid, 'a'].map(utf8);
  const maxTime = minTime + 1000;
  await writeBlock(sink, { ulid, minTime, maxTime, symbols, series: series() });
  return dir;
}

const upload = async (ulid: string, minTime: number) =>
  uploadBlock(bucket, 'tenant', await blockDirectory(ulid, minTime));

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { objects } of bucket.list('')) found.push(...objects.map(({ key }) => key));
  return found;
}

describe('createCatalog()', () => {
  it('finds uploaded blocks by time and reads them', async () => {
    await upload(B, 1000);
    await upload(A, 0);
    const found = await catalog().blocks('tenant', 0, 5000);
    expect(found.map(({ meta }) => meta.ulid)).toEqual([A, B]);
    const reader = await found[1]!.open();
    expect(await reader.labelValues('a', ALL)).toEqual([B]);
    const series = [];
    for await (const batch of reader.select(ALL)) series.push(...batch);
    expect(series[0]!.chunks[0]!.bytes).toEqual(new Uint8Array([0, 1, 9]));
    expect(await found[1]!.open()).toBe(reader);
  });

  it('takes the end of a block as exclusive, that of the query as inclusive', async () => {
    await upload(A, 0);
    await upload(B, 1000);
    const ulids = async (minT: number, maxT: number) =>
      (await catalog().blocks('tenant', minT, maxT)).map(({ meta }) => meta.ulid);
    expect(await ulids(1000, 5000)).toEqual([B]);
    expect(await ulids(999, 999)).toEqual([A]);
    expect(await ulids(0, 1000)).toEqual([A, B]);
    expect(await catalog().blocks('other', 0, 5000)).toEqual([]);
  });

  it('sees new blocks once its list is old, not before', async () => {
    const known = catalog();
    expect(await known.blocks('tenant', 0, 5000)).toEqual([]);
    await upload(A, 0);
    nowMs += 59_999;
    expect(await known.blocks('tenant', 0, 5000)).toEqual([]);
    nowMs += 1;
    expect(await known.blocks('tenant', 0, 5000)).toHaveLength(1);
    await bucket.delete(`tenant/${A}/meta.json`);
    await known.refresh('tenant');
    expect(await known.blocks('tenant', 0, 5000)).toEqual([]);
  });

  it('reads its list again for who has to see what was there at a time', async () => {
    await upload(A, 0);
    const known = catalog();
    const seen = async (sinceMs?: number) =>
      (await known.blocks('tenant', 0, 5000, sinceMs)).length;
    expect(await seen()).toBe(1);
    await upload(B, 1000);
    nowMs += 10;
    expect(await seen()).toBe(1);
    expect(await seen(nowMs - 10)).toBe(1);
    expect(await seen(nowMs)).toBe(2);
  });

  it('leaves out partial blocks and blocks marked for deletion long enough', async () => {
    await bucket.put(`tenant/${A}/index`, new Uint8Array(1));
    await upload(B, 0);
    const known = catalog();
    expect((await known.blocks('tenant', 0, 5000)).map(({ meta }) => meta.ulid)).toEqual([B]);
    const mark = utf8(JSON.stringify({ id: B, version: 1, deletion_time: nowMs / 1000 }));
    await bucket.put(`tenant/markers/${B}-deletion-mark.json`, mark);
    await known.refresh('tenant');
    nowMs += 3_599_999;
    expect(await known.blocks('tenant', 0, 5000)).toHaveLength(1);
    nowMs += 1;
    expect(await known.blocks('tenant', 0, 5000)).toHaveLength(0);
  });

  it('reads a mark beside the block too', async () => {
    await upload(A, 0);
    await bucket.put(`tenant/${A}/deletion-mark.json`, utf8('{"deletion_time":1}'));
    expect(await catalog().blocks('tenant', 0, 5000)).toEqual([]);
  });

  it('says which object is damaged', async () => {
    await upload(A, 0);
    await bucket.put(`tenant/${A}/meta.json`, utf8('{'));
    await expect(catalog().blocks('tenant', 0, 1)).rejects.toThrow(`tenant/${A}/meta.json`);
    await upload(A, 0);
    const index = (await bucket.get(`tenant/${A}/index`)).body;
    await bucket.put(`tenant/${A}/index`, index.subarray(0, 60));
    const [block] = await catalog().blocks('tenant', 0, 1);
    const failure = await block!.open().catch((error: unknown) => error);
    expect(isKind(failure, 'corrupt')).toBe(true);
    expect(String(failure)).toContain(`tenant/${A}/index`);
  });

  it('passes on errors of the bucket, and recovers', async () => {
    await upload(A, 0);
    let failing = true;
    const flaky: Bucket = {
      ...bucket,
      list(prefix, delimiter) {
        if (failing) throw new Error('bucket is away');
        return bucket.list(prefix, delimiter);
      },
    };
    const known = createCatalog(defaultsOf(catalogFlags), { bucket: flaky, clock });
    await expect(known.blocks('tenant', 0, 1)).rejects.toThrow('bucket is away');
    failing = false;
    expect(await known.blocks('tenant', 0, 1)).toHaveLength(1);
  });
});

describe('uploadBlock()', () => {
  it('puts meta.json last and only after verifying the rest', async () => {
    const dir = await blockDirectory(A, 0);
    const order: string[] = [];
    const lossy: Bucket = {
      ...bucket,
      async putFile(key, path) {
        order.push(key);
        const body = await readFile(path);
        await bucket.put(key, key.endsWith('/index') ? body.subarray(1) : body);
      },
    };
    await expect(uploadBlock(lossy, 'tenant', dir)).rejects.toThrow(/index has \d+ bytes/);
    expect(order).toEqual([`tenant/${A}/chunks/000001`, `tenant/${A}/index`]);
    expect(await keys()).not.toContain(`tenant/${A}/meta.json`);
    await uploadBlock(bucket, 'tenant', dir);
    expect(await keys()).toContain(`tenant/${A}/meta.json`);
  });

  it('refuses a directory that is not what its meta.json says', async () => {
    const dir = await blockDirectory(A, 0);
    await writeFile(join(dir, 'index'), 'short');
    await expect(uploadBlock(bucket, 'tenant', dir)).rejects.toThrow('index is 5 bytes');
    expect(await keys()).toEqual([]);
  });
});

describe('manifest', () => {
  const manifest: Manifest = {
    topicId: 'topic',
    partition: 3,
    epoch: 7,
    safeOffset: 12,
    windows: [{ tenant: 't', minT: 0, maxT: 10, throughOffset: 11, blocks: [A] }],
  };

  it('is replaced only by who read the last version', async () => {
    expect(await readManifest(bucket, 'topic', 3)).toBeUndefined();
    const first = await writeManifest(bucket, manifest, undefined);
    expect(await readManifest(bucket, 'topic', 3)).toEqual({ manifest, etag: first });
    const again = writeManifest(bucket, manifest, undefined);
    expect(isKind(await again.catch((error: unknown) => error), 'fenced')).toBe(true);
    const second = await writeManifest(bucket, { ...manifest, safeOffset: 20 }, first);
    const stale = writeManifest(bucket, manifest, first);
    expect(isKind(await stale.catch((error: unknown) => error), 'fenced')).toBe(true);
    expect((await readManifest(bucket, 'topic', 3))!.etag).toBe(second);
  });

  it('is refused when it cannot be understood', async () => {
    const refused = async (text: string) => {
      await bucket.put(manifestKey('topic', 3), utf8(text));
      return readManifest(bucket, 'topic', 3);
    };
    const good = { version: 1, ...manifest };
    await expect(refused('{')).rejects.toThrow('not JSON');
    await expect(refused('[]')).rejects.toThrow('not an object');
    await expect(refused(JSON.stringify({ ...good, version: 2 }))).rejects.toThrow('version 2');
    await expect(refused(JSON.stringify({ ...good, partition: 4 }))).rejects.toThrow('partition 4');
    const window = { ...manifest.windows[0], blocks: ['../x'] };
    await expect(refused(JSON.stringify({ ...good, windows: [window] }))).rejects.toThrow(
      'a field',
    );
    expect(await refused(JSON.stringify(good))).toBeDefined();
  });
});

describe('RangeCache', () => {
  it('stays within its bytes and drops what was used longest ago', () => {
    const cache = new RangeCache(160);
    for (let at = 0; at < 16; at++) cache.add(`k${at}`, new Uint8Array(10));
    expect(cache.get('k0')).toBeDefined();
    cache.add('new', new Uint8Array(10));
    cache.add('huge', new Uint8Array(11));
    expect([cache.get('k0'), cache.get('new')].every(Boolean)).toBe(true);
    expect([cache.get('k1'), cache.get('huge')]).toEqual([undefined, undefined]);
    expect(cache.sizeBytes).toBe(160);
  });
});
