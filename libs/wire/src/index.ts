// Protocols as bytes, a folder each. No I/O, no limits of tenants (they come in as rules).
export { expandRecordV2 } from './log-record/expand-v2.ts';
