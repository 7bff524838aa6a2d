// A bucket in memory, with the same conditions and errors as the others. Bodies are copied both ways.
import { readFile } from 'node:fs/promises';
import { type Clock, systemClock } from '@weir/runtime';
import type { Bucket, ListPage, ObjectInfo } from '../bucket.ts';
import { checkAborted, checkKey, conditionFailed, noObject, tooShort } from '../keys.ts';

const PAGE_SIZE = 1000;

interface Entry {
  readonly body: Uint8Array;
  readonly info: ObjectInfo;
}

export function createMemoryBucket(parts: { readonly clock?: Clock } = {}): Bucket {
  const clock = parts.clock ?? systemClock;
  const entries = new Map<string, Entry>();
  let version = 0;

  const found = (key: string): Entry => {
    checkKey(key);
    const entry = entries.get(key);
    if (entry === undefined) throw noObject(key);
    return entry;
  };

  const bucket: Bucket = {
    async get(key, signal) {
      checkAborted(signal);
      const { body, info } = found(key);
      return { body: body.slice(), etag: info.etag };
    },
    async getRange(key, offset, length, signal) {
      checkAborted(signal);
      const { body } = found(key);
      if (offset + length > body.length) throw tooShort(key, offset, length);
      return body.slice(offset, offset + length);
    },
    async info(key) {
      checkKey(key);
      return entries.get(key)?.info;
    },
    async put(key, body, condition = {}) {
      checkKey(key);
      const before = entries.get(key);
      if (condition.ifNoneMatch !== undefined && before !== undefined) throw conditionFailed(key);
      if (condition.ifMatch !== undefined && before?.info.etag !== condition.ifMatch) {
        throw conditionFailed(key);
      }
      const etag = `"${++version}"`;
      const info = { key, sizeBytes: body.length, modifiedMs: clock.nowMs(), etag };
      // Not slice(): a Buffer's slice shares memory.
      entries.set(key, { body: new Uint8Array(body), info });
      return etag;
    },
    async putFile(key, path) {
      await bucket.put(key, await readFile(path));
    },
    async putStream(key, body) {
      checkKey(key);
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(new Uint8Array(piece));
      const whole = Buffer.concat(pieces);
      await bucket.put(key, whole);
      return whole.length;
    },
    async *list(prefix, delimiter): AsyncIterable<ListPage> {
      const objects: ObjectInfo[] = [];
      const prefixes = new Set<string>();
      for (const [key, { info }] of entries) {
        if (!key.startsWith(prefix)) continue;
        const slash = delimiter === undefined ? -1 : key.indexOf('/', prefix.length);
        if (slash < 0) objects.push(info);
        else prefixes.add(key.slice(0, slash + 1));
      }
      objects.sort((a, b) => (a.key < b.key ? -1 : 1));
      if (prefixes.size > 0) yield { objects: [], prefixes: [...prefixes].sort() };
      for (let from = 0; from < objects.length; from += PAGE_SIZE) {
        yield { objects: objects.slice(from, from + PAGE_SIZE), prefixes: [] };
      }
    },
    async delete(key) {
      checkKey(key);
      entries.delete(key);
    },
    close: async () => undefined,
  };
  return bucket;
}
