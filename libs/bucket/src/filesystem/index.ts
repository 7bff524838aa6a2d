// The filesystem bucket: objects as files of a directory.
export { createFilesystemBucket } from './filesystem-bucket.ts';
