// Object storage: the port and its flags. Adapters are sub-path exports; `@weir/bucket/open` picks one.
export type { Bucket, ListPage, ObjectInfo, PutCondition } from './bucket.ts';
export { type BucketSettings, bucketFlags } from './flags.ts';
