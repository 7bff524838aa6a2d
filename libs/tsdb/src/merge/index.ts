// Merging: samples, or chunks, of one series from chunks of several sources.
export { mergeChunks } from './merge-chunks.ts';
export { mergeSamples } from './merge-samples.ts';
