// Uploads a finished block. meta.json goes last and only after everything else was verified, so that a
// block with a meta.json in the bucket is whole. Repeating an upload is harmless: same ULID, same bytes.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bucket } from '@weir/bucket';
import { WeirError } from '@weir/errors';
import { type BlockMeta, decodeBlockMeta, META_FILE } from '@weir/tsdb/block';

/**
 * Uploads the block directory `dir` to `<tenant>/<ulid>/`. Rejects with `corrupt` if the directory isn't
 * what its meta.json says, and with `unavailable` if the bucket doesn't hold what was sent.
 */
export async function uploadBlock(bucket: Bucket, tenant: string, dir: string): Promise<BlockMeta> {
  const meta = decodeBlockMeta(await readFile(join(dir, META_FILE)));
  const base = `${tenant}/${meta.ulid}`;
  const files = await filesOf(dir, meta);
  for (const { file } of files) await bucket.putFile(`${base}/${file}`, join(dir, file));
  for (const { file, sizeBytes } of files) await verify(bucket, `${base}/${file}`, sizeBytes);
  await bucket.putFile(`${base}/${META_FILE}`, join(dir, META_FILE));
  await verify(bucket, `${base}/${META_FILE}`, (await stat(join(dir, META_FILE))).size);
  return meta;
}

async function filesOf(dir: string, meta: BlockMeta) {
  const names = [
    ...(await readdir(join(dir, 'chunks'))).sort().map((name) => `chunks/${name}`),
    'index',
  ];
  const files = await Promise.all(
    names.map(async (file) => ({ file, sizeBytes: (await stat(join(dir, file))).size })),
  );
  for (const { rel_path, size_bytes } of meta.thanos?.files ?? []) {
    if (rel_path === META_FILE) continue;
    const found = files.find(({ file }) => file === rel_path);
    if (found === undefined || found.sizeBytes !== size_bytes) {
      const size = found === undefined ? 'missing' : `${found.sizeBytes} bytes`;
      throw new WeirError(
        'corrupt',
        `block ${meta.ulid}: ${rel_path} is ${size}, its meta.json says ${size_bytes} bytes`,
      );
    }
  }
  return files;
}

async function verify(bucket: Bucket, key: string, sizeBytes: number): Promise<void> {
  const info = await bucket.info(key);
  if (info?.sizeBytes === sizeBytes) return;
  throw new WeirError(
    'unavailable',
    `uploaded object ${key} has ${info?.sizeBytes ?? 'no'} bytes in the bucket instead of ${sizeBytes}`,
  );
}
