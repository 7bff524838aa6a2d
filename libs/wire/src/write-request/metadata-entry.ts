// Family metadata of a push, validated and written as `1a len MetricMetadata`. Routed by the hash of
// the family name, so that a family's metadata always lies in one partition.
import { isUtf8 } from 'node:buffer';
import { hashBytes, uvarintSize } from '@weir/bytes';
import type { AcceptedWrite } from './accepted-write.ts';
import { refusal } from './refusal-texts.ts';
import type { WriteRules } from './write-rules.ts';

const TYPE_MAX = 7;

export interface MetadataEntry {
  /** MetricMetadata.MetricType; unknown numbers become 0. */
  readonly type: number;
  readonly family: Uint8Array;
  readonly help: Uint8Array;
  readonly unit: Uint8Array;
}

/** Appends the entry to `out`, or counts its refusal. Help that is too long is cut, not refused. */
export function acceptMetadata(
  entry: MetadataEntry,
  rules: Pick<WriteRules, 'metadataBytesMax'>,
  seed: number,
  out: AcceptedWrite,
): void {
  out.metadataIn++;
  const max = rules.metadataBytesMax;
  const { family, unit } = entry;
  if (family.length === 0) {
    out.rejectMetadata('metadata_missing_metric_name', refusal.metadataWithoutName);
    return;
  }
  if (max > 0 && family.length > max) {
    out.rejectMetadata('metric_name_too_long', () => refusal.metadataNameTooLong(family));
    return;
  }
  if (max > 0 && unit.length > max) {
    out.rejectMetadata('unit_too_long', () => refusal.metadataUnitTooLong(unit, family));
    return;
  }
  // Invalid UTF-8 would make the record unreadable for strict protobuf decoders.
  if (!isUtf8(family) || !isUtf8(unit) || !isUtf8(entry.help)) {
    out.rejectMetadata('metadata_invalid_utf8', refusal.metadataNotUtf8);
    return;
  }
  const help = max > 0 && entry.help.length > max ? cutRunes(entry.help, max) : entry.help;
  const type = entry.type > TYPE_MAX ? 0 : entry.type;
  let size = fieldSize(family);
  if (type !== 0) size += 2;
  if (help.length > 0) size += fieldSize(help);
  if (unit.length > 0) size += fieldSize(unit);
  const sink = out.rewritten;
  const start = sink.size;
  sink.byte(0x1a);
  sink.uvarint(size);
  if (type !== 0) {
    sink.byte(0x08);
    sink.byte(type);
  }
  sink.field(0x12, family);
  if (help.length > 0) sink.field(0x22, help);
  if (unit.length > 0) sink.field(0x2a, unit);
  out.push(~start, sink.size - start, hashBytes(family, 0, family.length, seed), 0);
  out.metadataOk++;
}

function fieldSize(bytes: Uint8Array): number {
  return 1 + uvarintSize(bytes.length) + bytes.length;
}

/** The longest prefix of at most `max` bytes that ends between characters. */
function cutRunes(bytes: Uint8Array, max: number): Uint8Array {
  let end = max;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
