// Flags of the bucket that holds blocks, named as Mimir's.
import { defineFlags, type SettingsOf } from '@weir/config';

export const bucketFlags = defineFlags({
  backend: {
    kind: 'string',
    flag: 'blocks-storage.backend',
    yaml: 'blocks_storage.backend',
    default: 'filesystem',
    help: 'Where blocks are kept: filesystem or s3.',
  },
  storagePrefix: {
    kind: 'string',
    flag: 'blocks-storage.storage-prefix',
    yaml: 'blocks_storage.storage_prefix',
    default: '',
    help: 'Prefix of all objects in the bucket, without slashes at its ends.',
  },
  filesystemDir: {
    kind: 'string',
    flag: 'blocks-storage.filesystem.dir',
    yaml: 'blocks_storage.filesystem.dir',
    default: 'blocks',
    help: 'Directory of the filesystem backend; a relative one lies below -data-dir.',
  },
  s3Endpoint: {
    kind: 'string',
    flag: 'blocks-storage.s3.endpoint',
    yaml: 'blocks_storage.s3.endpoint',
    default: '',
    help: 'Host (and port) of an S3-compatible service; empty for AWS in the given region.',
  },
  s3Region: {
    kind: 'string',
    flag: 'blocks-storage.s3.region',
    yaml: 'blocks_storage.s3.region',
    default: '',
    help: 'S3 region; us-east-1 if empty and an endpoint is given.',
  },
  s3BucketName: {
    kind: 'string',
    flag: 'blocks-storage.s3.bucket-name',
    yaml: 'blocks_storage.s3.bucket_name',
    default: '',
    help: 'Name of the S3 bucket.',
  },
  s3AccessKeyId: {
    kind: 'string',
    flag: 'blocks-storage.s3.access-key-id',
    yaml: 'blocks_storage.s3.access_key_id',
    default: '',
    help: 'S3 access key; empty to let the SDK find credentials.',
  },
  s3SecretAccessKey: {
    kind: 'string',
    flag: 'blocks-storage.s3.secret-access-key',
    yaml: 'blocks_storage.s3.secret_access_key',
    default: '',
    help: 'S3 secret key.',
    secret: true,
  },
  s3Insecure: {
    kind: 'bool',
    flag: 'blocks-storage.s3.insecure',
    yaml: 'blocks_storage.s3.insecure',
    default: false,
    help: 'Use http instead of https for the S3 endpoint.',
  },
});

export type BucketSettings = SettingsOf<typeof bucketFlags>;
