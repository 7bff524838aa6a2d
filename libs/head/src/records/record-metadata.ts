// Metadata of a record: read in the first pass, so that damage discards the record whole, and applied in
// the second.
import { type Cursor, readUvarint, text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { METRIC_TYPES, type MetricMetadata } from '@weir/model';
import type { HeadState } from '../state.ts';
import type { RecordPlace } from '../tenants/discard-log.ts';
import { refuseMetadata } from '../tenants/refusals.ts';
import type { Tenant } from '../windows.ts';
import type { StagedRecord } from './staged-record.ts';

const METADATA_REASONS = {
  'over-tenant': 'per_user_metadata_limit',
  'over-metric': 'per_metric_metadata_limit',
} as const;

export function readAllMetadata({ bytes, metadata }: StagedRecord): MetricMetadata[] {
  const entries: MetricMetadata[] = [];
  for (let at = 0; at < metadata.length; at += 2) {
    entries.push(readMetadata(bytes, metadata[at], metadata[at + 1]));
  }
  return entries;
}

/** Returns whether something was new; senders repeat what is known. */
export function applyMetadata(
  state: HeadState,
  tenant: Tenant,
  entries: readonly MetricMetadata[],
  place: RecordPlace,
): boolean {
  let isNew = false;
  for (const entry of entries) {
    const outcome = tenant.metadata.add(entry, tenant.settings);
    if (outcome === 'known') continue;
    isNew = true;
    if (outcome === 'added') tenant.metadataDirty = true;
    else refuseMetadata(state, tenant, METADATA_REASONS[outcome], entry, place);
  }
  return isNew;
}

/** MetricMetadata: 1 type, 2 metric_family_name, 4 help, 5 unit. */
function readMetadata(bytes: Uint8Array, from: number, to: number): MetricMetadata {
  const cursor: Cursor = { at: from };
  const texts = new Map<number, string>();
  let type = 0;
  while (cursor.at < to) {
    const tag = readUvarint(bytes, cursor, to);
    if (tag === 0x08) {
      type = readUvarint(bytes, cursor, to);
      continue;
    }
    if ((tag & 7) !== 2) throw new WeirError('invalid', 'damaged metadata');
    const size = readUvarint(bytes, cursor, to);
    if (cursor.at + size > to) throw new WeirError('invalid', 'damaged metadata');
    texts.set(tag >>> 3, text(bytes.subarray(cursor.at, cursor.at + size)));
    cursor.at += size;
  }
  return {
    metric: texts.get(2) ?? '',
    type: METRIC_TYPES[type] ?? 'unknown',
    help: texts.get(4) ?? '',
    unit: texts.get(5) ?? '',
  };
}
