// Opens the bucket that settings name, loading only that backend's code.
import { WeirError } from '@weir/errors';
import type { Bucket } from './bucket.ts';
import type { BucketSettings } from './flags.ts';
import { prefixedBucket } from './prefixed-bucket.ts';

/** Rejects with `invalid` for settings that can't work. `filesystemDir` is used as it stands. */
export async function createBucket(settings: BucketSettings): Promise<Bucket> {
  const prefix = settings.storagePrefix;
  if (prefix !== '' && !/^[^/\0]+(\/[^/\0]+)*$/.test(prefix)) {
    throw new WeirError('invalid', `-blocks-storage.storage-prefix=${prefix} is not a key prefix`);
  }
  return prefixedBucket(await openBackend(settings), prefix);
}

async function openBackend(settings: BucketSettings): Promise<Bucket> {
  if (settings.backend === 'filesystem') {
    const { createFilesystemBucket } = await import('./filesystem/index.ts');
    return createFilesystemBucket({ directory: settings.filesystemDir });
  }
  if (settings.backend === 's3') {
    const { createS3Bucket } = await import('./s3/index.ts');
    return createS3Bucket({
      endpoint: settings.s3Endpoint,
      region: settings.s3Region,
      bucketName: settings.s3BucketName,
      accessKeyId: settings.s3AccessKeyId,
      secretAccessKey: settings.s3SecretAccessKey,
      insecure: settings.s3Insecure,
    });
  }
  throw new WeirError(
    'invalid',
    `-blocks-storage.backend=${settings.backend} is not known; it is filesystem or s3`,
  );
}
