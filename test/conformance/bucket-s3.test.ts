// The bucket contract on an S3 server, whichever the runner has started.

import { bucketContract } from '@weir/bucket/contract';
import { createBucket } from '@weir/bucket/open';
import { createS3Bucket, makeS3Bucket } from '@weir/bucket/s3';
import { isKind } from '@weir/errors';
import { beforeAll, describe, expect, it } from 'vitest';

const endpoint = process.env.WEIR_TEST_S3_ENDPOINT;
const settings = {
  endpoint: endpoint ?? 'unset',
  region: 'us-east-1',
  bucketName: 'weir-contract',
  accessKeyId: process.env.WEIR_TEST_S3_ACCESS_KEY_ID ?? 'test',
  secretAccessKey: process.env.WEIR_TEST_S3_SECRET_ACCESS_KEY ?? 'test',
  insecure: !endpoint?.startsWith('https://'),
};
const run = `${process.pid}-${process.hrtime.bigint()}`;

describe('bucket: S3', () => {
  beforeAll(async () => {
    if (endpoint === undefined) {
      throw new Error('WEIR_TEST_S3_ENDPOINT is not set: run this through `npm test`');
    }
    await makeS3Bucket(settings);
    await makeS3Bucket(settings);
  });

  const bucket = createS3Bucket(settings);
  bucketContract.forEach((example, index) => {
    it(example.name, () => example.run(bucket, `${run}/case-${index}/`));
  });

  it('lists more than a page', async () => {
    const keys = Array.from(
      { length: 1100 },
      (_, n) => `${run}/page/${String(n).padStart(5, '0')}`,
    );
    for (let from = 0; from < keys.length; from += 50) {
      const some = keys.slice(from, from + 50);
      await Promise.all(some.map((key) => bucket.put(key, new Uint8Array(1))));
    }
    const found: string[] = [];
    for await (const { objects } of bucket.list(`${run}/page/`)) {
      found.push(...objects.map(({ key }) => key));
    }
    expect(found).toEqual(keys);
  });

  it('opens by flags, below the storage prefix', async () => {
    const opened = await createBucket({
      backend: 's3',
      storagePrefix: `${run}/below`,
      filesystemDir: '',
      s3Endpoint: settings.endpoint.replace(/^https?:\/\//, ''),
      s3Region: '',
      s3BucketName: settings.bucketName,
      s3AccessKeyId: settings.accessKeyId,
      s3SecretAccessKey: settings.secretAccessKey,
      s3Insecure: settings.insecure,
    });
    await opened.put('x', new Uint8Array(1));
    expect((await bucket.info(`${run}/below/x`))?.sizeBytes).toBe(1);
    await opened.close();
  });

  it('is unavailable when the bucket or the server is missing', async () => {
    const absent = createS3Bucket({ ...settings, bucketName: 'weir-absent' });
    const noBucket = await absent.get('x').catch((error: unknown) => error);
    expect(isKind(noBucket, 'unavailable'), String(noBucket)).toBe(true);
    const nobody = createS3Bucket({ ...settings, endpoint: 'http://127.0.0.1:1', insecure: true });
    const refused = await nobody.get('x').catch((error: unknown) => error);
    expect(isKind(refused, 'unavailable'), String(refused)).toBe(true);
  });
});
