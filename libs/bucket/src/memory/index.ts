// The memory bucket: for tests, the simulation and one-process trials.
export { createMemoryBucket } from './memory-bucket.ts';
