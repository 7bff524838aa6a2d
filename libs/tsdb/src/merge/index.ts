// Merging: samples of one series from chunks of several sources.
export { mergeSamples } from './merge-samples.ts';
