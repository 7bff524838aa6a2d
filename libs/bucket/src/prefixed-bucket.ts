// A bucket whose keys all lie below a prefix of another.
import type { Bucket, ListPage, ObjectInfo } from './bucket.ts';

/** `prefix` without slashes at its ends; with an empty one it is the bucket itself. */
export function prefixedBucket(bucket: Bucket, prefix: string): Bucket {
  if (prefix === '') return bucket;
  const base = `${prefix}/`;
  const inner = (info: ObjectInfo): ObjectInfo => ({ ...info, key: info.key.slice(base.length) });
  return {
    get: (key, signal) => bucket.get(base + key, signal),
    getRange: (key, offset, length, signal) => bucket.getRange(base + key, offset, length, signal),
    async info(key) {
      const info = await bucket.info(base + key);
      return info && inner(info);
    },
    put: (key, body, condition) => bucket.put(base + key, body, condition),
    putFile: (key, path) => bucket.putFile(base + key, path),
    putStream: (key, body) => bucket.putStream(base + key, body),
    async *list(below, delimiter): AsyncIterable<ListPage> {
      for await (const { objects, prefixes } of bucket.list(base + below, delimiter)) {
        yield {
          objects: objects.map(inner),
          prefixes: prefixes.map((found) => found.slice(base.length)),
        };
      }
    },
    delete: (key) => bucket.delete(base + key),
    close: () => bucket.close(),
  };
}
