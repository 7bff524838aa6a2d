// The contract, for the adapters that need nothing started; and what is theirs alone.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultsOf } from '@weir/config';
import { afterAll, describe, expect, it } from 'vitest';
import type { Bucket } from './bucket.ts';
import { bucketContract } from './contract.ts';
import { createFilesystemBucket } from './filesystem/index.ts';
import { bucketFlags } from './flags.ts';
import { createMemoryBucket } from './memory/index.ts';
import { createBucket } from './open.ts';
import { prefixedBucket } from './prefixed-bucket.ts';

const directory = await mkdtemp(join(tmpdir(), 'weir-bucket-'));
afterAll(() => rm(directory, { recursive: true }));

const adapters: Record<string, Bucket> = {
  memory: createMemoryBucket(),
  filesystem: createFilesystemBucket({ directory: join(directory, 'fs') }),
  'filesystem below a prefix': prefixedBucket(
    createFilesystemBucket({ directory: join(directory, 'prefixed') }),
    'some/prefix',
  ),
};

for (const [name, bucket] of Object.entries(adapters)) {
  describe(`bucket: ${name}`, () => {
    bucketContract.forEach((example, index) => {
      it(example.name, () => example.run(bucket, `case-${index}/`));
    });
  });
}

describe('createFilesystemBucket()', () => {
  it('leaves no temporary files and no empty directories', async () => {
    const root = join(directory, 'clean');
    const bucket = createFilesystemBucket({ directory: root });
    const etag = await bucket.put('a/b/c', new Uint8Array(3));
    await bucket.put('a/b/c', new Uint8Array(4), { ifMatch: etag });
    await bucket.delete('a/b/c');
    expect(await readdir(root)).toEqual(['.weir-tmp']);
    expect(await readdir(join(root, '.weir-tmp'))).toEqual(['locks']);
    expect(await readdir(join(root, '.weir-tmp', 'locks'))).toEqual([]);
  });

  it('hides its temporary files from listings', async () => {
    const bucket = createFilesystemBucket({ directory: join(directory, 'hidden') });
    await bucket.put('x', new Uint8Array(1));
    const pages = [];
    for await (const page of bucket.list('', '/')) pages.push(page);
    expect(pages.map(({ prefixes }) => prefixes)).toEqual([[]]);
  });

  it('conditions hold between two buckets on one directory', async () => {
    const shared = join(directory, 'shared');
    const one = createFilesystemBucket({ directory: shared });
    const two = createFilesystemBucket({ directory: shared });
    const etag = await one.put('m', new Uint8Array(1));
    const results = await Promise.allSettled(
      [one, two, one, two].map((bucket) => bucket.put('m', new Uint8Array(2), { ifMatch: etag })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('createBucket()', () => {
  const settings = { ...defaultsOf(bucketFlags), filesystemDir: join(directory, 'opened') };

  it('opens the filesystem, below the storage prefix', async () => {
    const bucket = await createBucket({ ...settings, storagePrefix: 'p/q' });
    await bucket.put('k', new Uint8Array(1));
    expect(await readdir(join(directory, 'opened', 'p', 'q'))).toEqual(['k']);
  });

  it('refuses settings that cannot work', async () => {
    const refused = (changed: Partial<typeof settings>) =>
      createBucket({ ...settings, ...changed });
    await expect(refused({ backend: 'gcs' })).rejects.toThrow('-blocks-storage.backend=gcs');
    await expect(refused({ backend: 's3' })).rejects.toThrow('bucket-name must be set');
    await expect(refused({ backend: 's3', s3BucketName: 'b' })).rejects.toThrow('endpoint or');
    await expect(refused({ storagePrefix: '/x/' })).rejects.toThrow('storage-prefix');
  });
});
