// Mimir's log record in its versions; a door of its own, so that readers don't load the push kernel.
export type { HistogramSample } from '../histogram/decode-histogram.ts';
export { encodeHistogram } from '../histogram/encode-histogram.ts';
export { expandRecordV2 } from './expand-v2.ts';
export { packRecordV2 } from './pack-v2.ts';
export { decodeHistogram } from './record-histogram.ts';
export { recordAsV1 } from './record-version.ts';
