// Reads a log record without Weir's own scanner, so that a bug there can't hide: prometheus.WriteRequest,
// field 1 timeseries {1 labels {1 name, 2 value}, 2 samples {1 value, 2 timestamp}}.
import { expandRecordV2 } from '@weir/wire/log-record';

export interface RecordSeries {
  /** The labels as canonical bytes, latin1. */
  readonly labels: string;
  readonly samples: readonly { readonly t: number; readonly bits: bigint }[];
}

/** Undefined for bytes that are no record. */
export function decodeRecord(value: Uint8Array, version: number): RecordSeries[] | undefined {
  try {
    if (version < 0 || version > 2) return undefined;
    const bytes = version === 2 ? expandRecordV2(value) : value;
    const series: RecordSeries[] = [];
    forEachField(bytes, (field, content) => {
      if (field === 1 && content instanceof Uint8Array) series.push(decodeSeries(content));
    });
    return series;
  } catch {
    return undefined;
  }
}

function decodeSeries(bytes: Uint8Array): RecordSeries {
  let labels = '';
  const samples: { t: number; bits: bigint }[] = [];
  forEachField(bytes, (field, content, from, to) => {
    if (!(content instanceof Uint8Array)) return;
    if (field === 1) labels += Buffer.from(bytes.subarray(from, to)).toString('latin1');
    else if (field === 2) samples.push(decodeSample(content));
  });
  return { labels, samples };
}

function decodeSample(bytes: Uint8Array): { t: number; bits: bigint } {
  let t = 0;
  let bits = 0n;
  forEachField(bytes, (field, content) => {
    if (field === 1 && content instanceof Uint8Array) bits = Buffer.from(content).readBigUInt64LE();
    else if (field === 2 && typeof content === 'bigint') t = Number(BigInt.asIntN(64, content));
  });
  return { t, bits };
}

type Visit = (field: number, content: Uint8Array | bigint, from: number, to: number) => void;

function forEachField(bytes: Uint8Array, visit: Visit): void {
  let at = 0;
  const varint = (): bigint => {
    // Seven bits a byte; numbers up to 2^49 without bigints.
    let value = 0;
    let factor = 1;
    for (let index = 0; ; index++) {
      const byte = bytes[at++];
      if (byte === undefined || index > 9) throw new Error('varint');
      if (index >= 7) return bigVarint(BigInt(value), 7 * index, byte);
      value += (byte & 127) * factor;
      if (byte < 128) return BigInt(value);
      factor *= 128;
    }
  };
  const bigVarint = (start: bigint, startShift: number, firstByte: number): bigint => {
    let value = start;
    let shift = BigInt(startShift);
    for (let byte: number | undefined = firstByte; ; byte = bytes[at++]) {
      if (byte === undefined) throw new Error('varint');
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
      shift += 7n;
    }
  };
  while (at < bytes.length) {
    const from = at;
    const tag = Number(varint());
    const kind = tag & 7;
    if (kind === 0) visit(tag >>> 3, varint(), from, at);
    else {
      const size = kind === 2 ? Number(varint()) : kind === 1 ? 8 : kind === 5 ? 4 : -1;
      if (size < 0 || at + size > bytes.length) throw new Error('field');
      const content = bytes.subarray(at, at + size);
      at += size;
      visit(tag >>> 3, content, from, at);
    }
  }
}
