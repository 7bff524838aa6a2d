// The bucket as one process sees it: memory that outlives all processes, behind a slow and faulty network.
import type { Bucket, ListPage, PutCondition } from '@weir/bucket';
import { locate, readFile } from './disk/fs-promises.ts';
import type { Faults } from './faults.ts';
import type { SimProcess } from './process.ts';

const CALL_MS = 30;
const SLOW_PART_MS = 240_000;

export interface BucketWatch {
  /** After an object was written or deleted, before its writer knows. */
  wrote(key: string, process: SimProcess): Promise<void>;
  deleted(key: string, process: SimProcess): void;
}

export interface BucketClientParts {
  readonly store: Bucket;
  readonly process: SimProcess;
  readonly faults: Faults;
  readonly watch: BucketWatch;
}

export function createBucketClient({ store, process, faults, watch }: BucketClientParts): Bucket {
  const ask = <T>(what: string, effect: () => Promise<T>) =>
    process.call(`bucket.${what}`, CALL_MS, effect, faults.bucketMishap(process));
  const put = (key: string, body: Uint8Array, condition?: PutCondition) =>
    ask(`put ${short(key)}`, async () => {
      const etag = await store.put(key, body, condition);
      await watch.wrote(key, process);
      return etag;
    });
  return {
    get: (key) => ask(`get ${short(key)}`, () => store.get(key)),
    getRange: (key, offset, length) =>
      ask(`getRange ${short(key)}`, () => store.getRange(key, offset, length)),
    info: (key) => ask(`info ${short(key)}`, () => store.info(key)),
    put: (key, body, condition) => put(key, new Uint8Array(body), condition),
    async putFile(key, path) {
      locate(path);
      await put(key, (await readFile(path)) as Uint8Array);
    },
    async putStream(key, body) {
      const pieces: Uint8Array[] = [];
      const isSlow = faults.isSlowStream();
      for await (const piece of body) {
        pieces.push(new Uint8Array(piece));
        // Parts travel one by one, and its sender may die between two.
        await ask(`part of ${short(key)}`, async () => undefined);
        if (isSlow) await process.clock.sleep(process.dice.int(0, SLOW_PART_MS));
      }
      const whole = Buffer.concat(pieces);
      await put(key, whole);
      return whole.length;
    },
    async *list(prefix, delimiter): AsyncIterable<ListPage> {
      const pages = await ask(`list ${short(prefix)}`, async () => {
        const found: ListPage[] = [];
        for await (const page of store.list(prefix, delimiter)) found.push(page);
        return found;
      });
      yield* pages;
    },
    delete: (key) =>
      ask(`delete ${short(key)}`, async () => {
        await store.delete(key);
        watch.deleted(key, process);
      }),
    close: async () => undefined,
  };
}

function short(key: string): string {
  return key.length <= 40 ? key : `${key.slice(0, 12)}…${key.slice(-24)}`;
}
