// Mimir's log record in its versions; a door of its own, so that readers don't load the push kernel.
export { expandRecordV2 } from './expand-v2.ts';
export { packRecordV2 } from './pack-v2.ts';
export { recordAsV1 } from './record-version.ts';
