// What every bucket must do, as cases to be run by any test runner against any adapter: the unit tests
// run them for the filesystem and memory, test/conformance for S3. A case throws when the adapter fails it.
import { deepStrictEqual, ok, rejects } from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorKind, isKind } from '@weir/errors';
import type { Bucket } from './bucket.ts';

export interface ContractCase {
  readonly name: string;
  /** `base`: a key prefix of its own for this run, ending in '/'. */
  run(bucket: Bucket, base: string): Promise<void>;
}

export const bucketContract: readonly ContractCase[] = [
  {
    name: 'gives back what was put, and replaces it',
    async run(bucket, base) {
      const first = await bucket.put(`${base}a`, bytes('one'));
      deepStrictEqual(await bucket.get(`${base}a`), { body: bytes('one'), etag: first });
      const second = await bucket.put(`${base}a`, bytes('three'));
      ok(first !== second, 'a new version has a new etag');
      deepStrictEqual(await bucket.get(`${base}a`), { body: bytes('three'), etag: second });
      const info = await bucket.info(`${base}a`);
      deepStrictEqual([info?.key, info?.sizeBytes, info?.etag], [`${base}a`, 5, second]);
      ok(info !== undefined && info.modifiedMs > 0, 'modifiedMs is set');
    },
  },
  {
    name: 'holds empty objects and odd keys',
    async run(bucket, base) {
      for (const key of ['empty', 'sp ace+%&?#', "it's(1)!*", 'ünï', 'deep/er/and/deeper']) {
        await bucket.put(base + key, new Uint8Array(0));
        deepStrictEqual((await bucket.get(base + key)).body.length, 0);
      }
      deepStrictEqual((await bucket.getRange(`${base}empty`, 0, 0)).length, 0);
    },
  },
  {
    name: 'says not-found, and deletes what is not there',
    async run(bucket, base) {
      await rejectsWith('not-found', bucket.get(`${base}none`));
      await rejectsWith('not-found', bucket.getRange(`${base}none`, 0, 1));
      deepStrictEqual(await bucket.info(`${base}none`), undefined);
      await bucket.delete(`${base}none`);
      await bucket.put(`${base}x/y`, bytes('1'));
      await rejectsWith('not-found', bucket.get(`${base}x`));
      deepStrictEqual(await bucket.info(`${base}x`), undefined);
      await bucket.delete(`${base}x/y`);
      await rejectsWith('not-found', bucket.get(`${base}x/y`));
      deepStrictEqual(await keysOf(bucket, `${base}x`), []);
    },
  },
  {
    name: 'refuses keys that would leave the bucket',
    async run(bucket, base) {
      for (const key of [`${base}../../x`, `/${base}x`, `${base}/x`, `${base}./x`, '']) {
        await rejectsWith('invalid', bucket.put(key, bytes('1')));
        await rejectsWith('invalid', bucket.get(key));
      }
    },
  },
  {
    name: 'reads exact ranges and refuses longer ones',
    async run(bucket, base) {
      await bucket.put(`${base}r`, bytes('0123456789'));
      deepStrictEqual(await bucket.getRange(`${base}r`, 2, 3), bytes('234'));
      deepStrictEqual(await bucket.getRange(`${base}r`, 0, 10), bytes('0123456789'));
      deepStrictEqual(await bucket.getRange(`${base}r`, 9, 1), bytes('9'));
      await rejectsWith('invalid', bucket.getRange(`${base}r`, 8, 3));
      await rejectsWith('invalid', bucket.getRange(`${base}r`, 20, 1));
    },
  },
  {
    name: 'creates only once under ifNoneMatch',
    async run(bucket, base) {
      const tries = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) =>
          bucket.put(`${base}once`, bytes(String(n)), { ifNoneMatch: '*' }),
        ),
      );
      const winners = tries.flatMap((result, n) => (result.status === 'fulfilled' ? [n] : []));
      deepStrictEqual(winners.length, 1);
      for (const result of tries) {
        ok(result.status === 'fulfilled' || isConflict(result.reason), 'losers are fenced');
      }
      deepStrictEqual((await bucket.get(`${base}once`)).body, bytes(String(winners[0])));
    },
  },
  {
    name: 'replaces only the version of ifMatch',
    async run(bucket, base) {
      await rejectsWith('fenced', bucket.put(`${base}m`, bytes('0'), { ifMatch: '"none"' }));
      const first = await bucket.put(`${base}m`, bytes('1'));
      const second = await bucket.put(`${base}m`, bytes('2'), { ifMatch: first });
      await rejectsWith('fenced', bucket.put(`${base}m`, bytes('3'), { ifMatch: first }));
      deepStrictEqual(await bucket.get(`${base}m`), { body: bytes('2'), etag: second });
      await bucket.delete(`${base}m`);
      await rejectsWith('fenced', bucket.put(`${base}m`, bytes('4'), { ifMatch: second }));
    },
  },
  {
    name: 'counts right when many replace one object conditionally',
    async run(bucket, base) {
      await bucket.put(`${base}count`, bytes('0'));
      const increment = async () => {
        for (;;) {
          const { body, etag } = await bucket.get(`${base}count`);
          const next = bytes(String(Number(Buffer.from(body).toString()) + 1));
          try {
            return await bucket.put(`${base}count`, next, { ifMatch: etag });
          } catch (error) {
            if (!isConflict(error)) throw error;
          }
        }
      };
      await Promise.all(Array.from({ length: 10 }, increment));
      deepStrictEqual((await bucket.get(`${base}count`)).body, bytes('10'));
    },
  },
  {
    name: 'lists in key order, by prefix and by level',
    async run(bucket, base) {
      for (const key of ['b/2', 'a', 'b/1/x', 'b-c', 'b', 'c/1'].filter((key) => key !== 'b')) {
        await bucket.put(`${base}l/${key}`, bytes(key));
      }
      const below = (keys: string[]) => keys.map((key) => `${base}l/${key}`);
      deepStrictEqual(
        await keysOf(bucket, `${base}l/`),
        below(['a', 'b-c', 'b/1/x', 'b/2', 'c/1']),
      );
      deepStrictEqual(await keysOf(bucket, `${base}l/b`), below(['b-c', 'b/1/x', 'b/2']));
      deepStrictEqual(await keysOf(bucket, `${base}l/zz`), []);
      const level = await levelOf(bucket, `${base}l/`);
      deepStrictEqual(level.keys, below(['a', 'b-c']));
      deepStrictEqual(level.prefixes, below(['b/', 'c/']));
      const start = await levelOf(bucket, `${base}l/b`);
      deepStrictEqual(start.keys, below(['b-c']));
      deepStrictEqual(start.prefixes, below(['b/']));
    },
  },
  {
    name: 'puts files of any size',
    async run(bucket, base) {
      const directory = await mkdtemp(join(tmpdir(), 'weir-contract-'));
      try {
        for (const size of [0, 1000, 36_000_000]) {
          const body = Buffer.alloc(size, 'weir block ');
          await writeFile(join(directory, 'f'), body);
          await bucket.putFile(`${base}f${size}`, join(directory, 'f'));
          deepStrictEqual((await bucket.info(`${base}f${size}`))?.sizeBytes, size);
          const found = await bucket.get(`${base}f${size}`);
          ok(Buffer.compare(Buffer.from(found.body), body) === 0, `${size} bytes come back`);
        }
      } finally {
        await rm(directory, { recursive: true });
      }
    },
  },
  {
    name: 'puts streams of any size, whole or not at all',
    async run(bucket, base) {
      for (const size of [0, 1000, 5 << 20, (5 << 20) + 1, 17_000_000]) {
        const body = Buffer.alloc(size, 'weir snapshot ');
        deepStrictEqual(await bucket.putStream(`${base}s${size}`, pieces(body)), size);
        const found = await bucket.get(`${base}s${size}`);
        ok(Buffer.compare(Buffer.from(found.body), body) === 0, `${size} bytes come back`);
      }
      for (const size of [1000, 17_000_000]) {
        const torn = pieces(Buffer.alloc(size), new Error('torn'));
        await rejects(bucket.putStream(`${base}torn`, torn));
        deepStrictEqual(await bucket.info(`${base}torn`), undefined);
      }
    },
  },
  {
    name: 'stops reading when aborted',
    async run(bucket, base) {
      await bucket.put(`${base}s`, bytes('x'));
      await rejectsWith('canceled', bucket.get(`${base}s`, AbortSignal.abort()));
      await rejectsWith('canceled', bucket.getRange(`${base}s`, 0, 1, AbortSignal.abort()));
    },
  },
];

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** In pieces of odd size, whose memory is written over behind them. */
async function* pieces(body: Uint8Array, failure?: Error): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(300_001);
  for (let from = 0; from < body.length; from += memory.length) {
    const piece = memory.subarray(0, Math.min(memory.length, body.length - from));
    piece.set(body.subarray(from, from + piece.length));
    yield piece;
    memory.fill(0xff);
  }
  if (failure) throw failure;
}

/** A store may also ask to try again when two conditional writes meet. */
function isConflict(error: unknown): boolean {
  return isKind(error, 'fenced') || isKind(error, 'unavailable');
}

async function rejectsWith(kind: ErrorKind, work: Promise<unknown>): Promise<void> {
  await rejects(work, (error) => {
    ok(isKind(error, kind), `${kind} expected, got ${String(error)}`);
    return true;
  });
}

async function keysOf(bucket: Bucket, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { objects } of bucket.list(prefix)) keys.push(...objects.map(({ key }) => key));
  return keys;
}

async function levelOf(bucket: Bucket, prefix: string) {
  const keys: string[] = [];
  const prefixes: string[] = [];
  for await (const page of bucket.list(prefix, '/')) {
    keys.push(...page.objects.map(({ key }) => key));
    prefixes.push(...page.prefixes);
  }
  return { keys, prefixes };
}
