// Prometheus's hash of a label set (xxHash64 over its packed labels), so that limit_ratio picks the same
// series as Prometheus does. BigInt is slow and fine here: one hash per series of a limit_ratio.
import { type LabelBytes, LabelReader } from '@weir/model';

const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;
const MASK = (1n << 64n) - 1n;

const rotate = (value: bigint, by: bigint) => ((value << by) | (value >> (64n - by))) & MASK;
const round = (acc: bigint, input: bigint) => (rotate((acc + input * P2) & MASK, 31n) * P1) & MASK;

/** xxHash64 with seed 0 (specification: xxHash fast digest algorithm, Yann Collet). */
export function xxHash64(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = P5;
  if (bytes.length >= 32) {
    const lanes = [(P1 + P2) & MASK, P2, 0n, (MASK + 1n - P1) & MASK];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = round(lanes[lane]!, view.getBigUint64(at + lane * 8, true));
      }
    }
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint];
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & MASK;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK;
  }
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK;
    at += 4;
  }
  for (; at < bytes.length; at++) {
    hash = (rotate(hash ^ ((BigInt(bytes[at]!) * P5) & MASK), 11n) * P1) & MASK;
  }
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK;
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK;
  return hash ^ (hash >> 32n);
}

/** A place in [0, 1] for a label set, from the hash of `len name len value …` as Prometheus packs it. */
export function hashPlace(labels: LabelBytes): number {
  const out: number[] = [];
  const reader = new LabelReader().reset(labels);
  const put = (from: number, to: number) => {
    const size = to - from;
    if (size < 255) out.push(size);
    else out.push(255, size & 255, (size >> 8) & 255, size >> 16);
    for (let at = from; at < to; at++) out.push(labels[at]!);
  };
  while (reader.next()) {
    put(reader.nameFrom, reader.nameTo);
    put(reader.valueFrom, reader.valueTo);
  }
  return Number(xxHash64(Uint8Array.from(out))) / Number(MASK);
}
