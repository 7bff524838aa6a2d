// Records of each version between Mimir and Weir, judged by an encoder that isn't ours: what Mimir writes
// is read as what it says, and what Weir packs says to Mimir what it said before.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMimirRecord,
  encodeMimirRecord,
  type MimirWrite,
  plainHistogram,
} from './mimir-record-fixture.ts';
import { mimirWrite } from './mimir-write-fixture.ts';
import { packRecordV2 } from './pack-v2.ts';
import { recordAsV1 } from './record-version.ts';

const RUNS = { numRuns: 150 };
/** Version 2 keeps metadata with its series, so its order is the series'. */
const unordered = ({ metadata, ...rest }: MimirWrite) => ({
  ...rest,
  metadata: [...metadata].sort((a, b) => (a.family < b.family ? -1 : 1)),
});

describe('records by another encoder', () => {
  it.each([0, 1, 2] as const)('of version %i are read as what they say', (version) => {
    fc.assert(
      fc.property(mimirWrite, fc.constantFrom(undefined, 1, 2), (write, source) => {
        const whole = source === undefined ? write : { ...write, source };
        const read = recordAsV1(encodeMimirRecord(whole, version), version);
        expect(unordered(decodeMimirRecord(read, 1))).toEqual(unordered(whole));
      }),
      RUNS,
    );
  });

  it('packed to version 2 say to Mimir what they said in version 1', () => {
    fc.assert(
      fc.property(mimirWrite, (write) => {
        const packed = packRecordV2(encodeMimirRecord(write, 1));
        expect(unordered(decodeMimirRecord(packed, 2))).toEqual(unordered(write));
      }),
      RUNS,
    );
  });
});

it('numbers of more bytes than they need are read as Go reads them', () => {
  // reset_hint = -1 in nine bytes and in ten, timestamp behind it.
  for (const hint of ['ffffffffffffffff01', 'ffffffffffffffffff01']) {
    expect(plainHistogram(Buffer.from(`080370${hint}7802`, 'hex'))).toMatchObject({
      timestamp: '2',
    });
  }
});
