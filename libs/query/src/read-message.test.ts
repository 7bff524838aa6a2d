// The messages of the read protocol: round trips, and damaged bytes that must end in a clear error.
import { WeirError } from '@weir/errors';
import { encodeLabels } from '@weir/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeChunkedSeries,
  decodeHeader,
  encodeChunkedSeries,
  encodeHeader,
} from './read-message.ts';
import { encodeFrame, FrameReader } from './remote/frame.ts';

const labels = fc
  .dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), { maxKeys: 5 })
  .map((record) => encodeLabels(Object.entries(record).map(([name, value]) => ({ name, value }))));
const time = fc.maxSafeInteger();
const chunk = fc.record({
  minT: time,
  maxT: time,
  encoding: fc.nat(300),
  bytes: fc.uint8Array({ maxLength: 300 }),
});
const series = fc.record({ labels, chunks: fc.array(chunk, { maxLength: 4 }) });
const batch = fc.array(series, { maxLength: 5 });

/** Views compare by their content, not by the buffer below. */
const plain = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value, (_key, item) => (item instanceof Uint8Array ? [...item] : item)),
  );

describe('chunked series messages', () => {
  it('come back as they were sent', () => {
    fc.assert(
      fc.property(batch, (sent) => {
        expect(plain(decodeChunkedSeries(encodeChunkedSeries(sent)))).toEqual(plain(sent));
      }),
    );
  });

  it('carry label bytes verbatim as the labels field', () => {
    const bytes = encodeLabels([{ name: 'a', value: 'b' }]);
    const message = encodeChunkedSeries([{ labels: bytes, chunks: [] }]);
    expect([...message]).toEqual([0x0a, bytes.length, ...bytes]);
  });

  it('end in a corrupt error or a batch whatever the bytes are', () => {
    const outcome = (bytes: Uint8Array) => {
      try {
        decodeChunkedSeries(bytes);
        return 'batch';
      } catch (error) {
        return error instanceof WeirError ? error.kind : error;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['batch', 'corrupt']).toContain(outcome(bytes));
      }),
    );
    fc.assert(
      fc.property(batch, fc.nat(), fc.nat(255), (sent, at, byte) => {
        const message = encodeChunkedSeries(sent);
        if (message.length > 0) message[at % message.length] = byte;
        expect(['batch', 'corrupt']).toContain(outcome(message));
      }),
    );
  });
});

describe('read header', () => {
  it('comes back, and anything else is corrupt', () => {
    expect(decodeHeader(encodeHeader({ heldBlocks: ['01A'] }))).toEqual({ heldBlocks: ['01A'] });
    for (const text of ['', '{}', '[]', 'null', '{"heldBlocks":[1]}']) {
      expect(() => decodeHeader(Buffer.from(text))).toThrow(WeirError);
    }
  });
});

describe('frames', () => {
  const cut = (bytes: Uint8Array, sizes: readonly number[]) => {
    const parts: Uint8Array[] = [];
    let at = 0;
    for (let turn = 0; at < bytes.length; turn++) {
      const size = (sizes[turn % sizes.length] ?? 7) + 1;
      parts.push(bytes.subarray(at, at + size));
      at += size;
    }
    return parts;
  };

  it('come back however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }),
        fc.array(fc.nat(50), { minLength: 1 }),
        (payloads, sizes) => {
          const reader = new FrameReader();
          const stream = Buffer.concat(payloads.map(encodeFrame));
          const got = cut(stream, sizes).flatMap((part) => [...reader.push(part)]);
          reader.end();
          expect(plain(got)).toEqual(plain(payloads));
        },
      ),
    );
  });

  it('with a flipped bit are never taken for data', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (payload, bit) => {
        const frame = encodeFrame(payload);
        frame[Math.floor(bit / 8) % frame.length]! ^= 1 << (bit % 8);
        const reader = new FrameReader();
        expect(() => {
          const got = [...reader.push(frame)];
          reader.end();
          if (got.length === 1 && Buffer.compare(got[0]!, payload) === 0) throw new Error('same');
        }).toThrow(WeirError);
      }),
    );
  });

  it('that are impossible or cut off end in an error', () => {
    expect(() => [...new FrameReader().push(new Uint8Array(5).fill(255))]).toThrow('impossible');
    expect(() => [
      ...new FrameReader().push(Uint8Array.of(255, 255, 255, 255, 127, 0, 0, 0, 0)),
    ]).toThrow('frame of');
    const reader = new FrameReader();
    expect([...reader.push(encodeFrame(Uint8Array.of(1, 2)).subarray(0, 6))]).toEqual([]);
    expect(() => reader.end()).toThrow('cut off');
  });
});
