// Object storage: the port. Adapters are sub-path exports.
export type { Bucket, ListPage, ObjectInfo, PutCondition } from './bucket.ts';
