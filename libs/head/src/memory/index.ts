// A head store in memory, for tests and for heads that need not survive a restart.
export { createMemoryHeadStore, type MemoryHeadStore } from './memory-store.ts';
