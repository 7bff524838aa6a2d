// The partition log in memory, for tests and simulation.
export { createMemoryLog, type MemoryLogParts, type MemoryLogSettings } from './memory-log.ts';
