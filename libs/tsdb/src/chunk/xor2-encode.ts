// Writes Prometheus's XOR2 chunks (tsdb/docs/format/chunks.md, "XOR2 chunk data"), a whole one at a time:
// floats with start timestamps. One prefix tells of time and value together; staleness markers have a
// prefix of their own, and the values behind one are written against the value before it. The windows of
// bits are Prometheus's choice, so equal samples are equal bytes.
import type { SampleColumns } from '@weir/model';
import { BitWriter } from './bits.ts';
import { StartState } from './start-timestamps.ts';
import { NO_WINDOW, putChanged, putUvarint, putVarint } from './varbit.ts';
import { viewBits } from './xor-decode.ts';
import { isStaleBits, XOR2_HEADER_SIZE } from './xor2-format.ts';

const windows = new Uint8Array(2);

/** Encodes samples [from, to), at most 65,535 and ascending in time, as one XOR2 chunk. */
export function encodeXor2Chunk(columns: SampleColumns, from: number, to: number): Uint8Array {
  const { t, st } = columns;
  const bits = viewBits(columns.v);
  const writer = new BitWriter();
  writer.put(0, XOR2_HEADER_SIZE * 8);
  const starts = new StartState();
  windows.fill(NO_WINDOW);
  let [lastT, delta, low, high] = [0, 0, 0, 0];
  for (let index = 0; from + index < to; index++) {
    const at = t[from + index]!;
    const ownLow = bits[2 * (from + index)]!;
    const ownHigh = bits[2 * (from + index) + 1]!;
    const isStale = isStaleBits(ownHigh, ownLow);
    if (index === 0) {
      putVarint(writer, at);
      writer.put(ownHigh, 32);
      writer.put(ownLow, 32);
    } else {
      const dod = at - lastT - delta;
      delta += dod;
      if (index === 1) putUvarint(writer, delta);
      if (index > 1 && dod === 0) putAtPace(writer, ownHigh ^ high, ownLow ^ low, isStale);
      else {
        if (index > 1) putDeltaOfDelta(writer, dod);
        putValue(writer, ownHigh ^ high, ownLow ^ low, isStale);
      }
    }
    if (!isStale) [low, high] = [ownLow, ownHigh];
    starts.put(writer, index, at, lastT, st === undefined ? 0 : st[from + index]!);
    lastT = at;
  }
  const out = writer.bytes();
  out[0] = (to - from) >>> 8;
  out[1] = to - from;
  out[2] = starts.header;
  return out;
}

/** As long after the sample before as that was after its own: what changed is the value, if anything. */
function putAtPace(writer: BitWriter, high: number, low: number, isStale: boolean): void {
  if (isStale) writer.put(0b11111, 5);
  else if ((high | low) === 0) writer.put(0, 1);
  else putChanged(writer, high, low, windows, 0, 0b100, 3, 0b101, 3);
}

function putDeltaOfDelta(writer: BitWriter, dod: number): void {
  if (dod >= -4096 && dod <= 4095) writer.put((0b110 << 13) | (dod & 0x1fff), 16);
  else if (dod >= -524_288 && dod <= 524_287) writer.put((0b1110 << 20) | (dod & 0xfffff), 24);
  else {
    writer.put(0b11110, 5);
    writer.putLong(dod, 64);
  }
}

function putValue(writer: BitWriter, high: number, low: number, isStale: boolean): void {
  if (isStale) writer.put(0b111, 3);
  else if ((high | low) === 0) writer.put(0, 1);
  else putChanged(writer, high, low, windows, 0, 0b10, 2, 0b110, 3);
}
