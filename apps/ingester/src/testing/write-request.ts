// Records as a distributor writes them (remote write 1.0's WriteRequest), for tests with the real head.
import { uvarintSize, writeUvarint } from '@weir/bytes';
import { labelsOf } from '@weir/model';
import type { FakeSample } from './fake-head.ts';

export function encodeWriteRequest(samples: readonly FakeSample[]): Uint8Array {
  const series = samples.map(({ labels, t, v }) => {
    const time = new Uint8Array(uvarintSize(t));
    writeUvarint(time, 0, t);
    const value = new Uint8Array(new Float64Array([v]).buffer);
    const sample = Uint8Array.of(0x09, ...value, 0x10, ...time);
    return field(0x0a, Uint8Array.of(...labelsOf(labels), ...field(0x12, sample)));
  });
  return Uint8Array.from(series.flatMap((one) => [...one]));
}

function field(tag: number, bytes: Uint8Array): Uint8Array {
  const size = new Uint8Array(uvarintSize(bytes.length));
  writeUvarint(size, 0, bytes.length);
  return Uint8Array.of(tag, ...size, ...bytes);
}
