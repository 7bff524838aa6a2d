// The files of one block in the bucket, read by ranges; ranges of its index are cached.
import type { Bucket } from '@weir/bucket';
import { toWeirError, WeirError } from '@weir/errors';
import type { BlockMeta, BlockSource } from '@weir/tsdb/block';
import type { RangeCache } from './range-cache.ts';

export function bucketBlockSource(
  bucket: Bucket,
  tenant: string,
  meta: BlockMeta,
  cache: RangeCache,
): BlockSource {
  const base = `${tenant}/${meta.ulid}`;
  return {
    async size(file) {
      const listed = meta.thanos?.files?.find(({ rel_path }) => rel_path === file)?.size_bytes;
      if (listed !== undefined && listed > 0) return listed;
      const info = await bucket.info(`${base}/${file}`);
      if (info === undefined) throw new WeirError('not-found', `block ${base} has no file ${file}`);
      return info.sizeBytes;
    },
    async read(file, offset, length) {
      const key = `${base}/${file}`;
      const cacheKey = file === 'index' ? `${key} ${offset} ${length}` : undefined;
      const cached = cacheKey === undefined ? undefined : cache.get(cacheKey);
      if (cached !== undefined) return cached;
      const bytes = await readRange(bucket, key, offset, length);
      if (cacheKey !== undefined) cache.add(cacheKey, bytes);
      return bytes;
    },
  };
}

/** An object that is shorter than its meta.json or its own index says is damaged. */
async function readRange(bucket: Bucket, key: string, offset: number, length: number) {
  try {
    return await bucket.getRange(key, offset, length);
  } catch (error) {
    const known = toWeirError(error);
    if (known.kind !== 'invalid') throw known;
    throw new WeirError('corrupt', `${key} at byte ${offset}: ${known.message}`, { cause: known });
  }
}
