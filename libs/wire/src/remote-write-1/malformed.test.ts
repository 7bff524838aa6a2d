// Bytes that are no WriteRequest: always an error for the client, never another one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AcceptedWrite } from '../write-request/accepted-write.ts';
import { RemoteWrite1Scan } from './scan.ts';

const RULES = {
  labelNameBytesMax: 10,
  labelValueBytesMax: 10,
  labelNamesMax: 4,
  labelNamesInfoMax: 6,
  timestampMaxMs: 1e13,
  timestampMinMs: Number.NEGATIVE_INFINITY,
  legacyNames: false,
  metadataBytesMax: 20,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

function scan(body: Uint8Array): AcceptedWrite {
  const accepted = new AcceptedWrite();
  const scanner = new RemoteWrite1Scan();
  scanner.start(body, body.length, 1);
  while (!scanner.run(50, RULES, accepted));
  return accepted;
}

// up{job="a"} 1 @ 5, 2 @ 6; metadata of up.
const GOOD = Buffer.from(
  '0a340a0e0a085f5f6e616d655f5f120275700a080a036a6f62120161' +
    '120b09000000000000f03f1005' +
    '120b0900000000000000401006' +
    '1a0908011202757022' +
    '0168',
  'hex',
);

describe('RemoteWrite1Scan on malformed bytes', () => {
  const malformed = [
    '0a',
    '0a05',
    '0affffffffffffffffffff01',
    '0801',
    '0b',
    '0a020a05',
    '0a021205',
    '0a0309',
    '00',
  ];
  it.each(malformed)('refuses %s', (hex) => {
    expect(() => scan(Buffer.from(hex, 'hex'))).toThrow(/proto|varint/);
  });

  it('never fails otherwise than with an error for the client', () => {
    const edit = fc.tuple(fc.nat(GOOD.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(edit, { maxLength: 4 }),
        fc.uint8Array({ maxLength: 20 }),
        (edits, tail) => {
          const body = Buffer.concat([GOOD, tail]);
          for (const [index, byte] of edits) body[index] = byte;
          try {
            scan(body);
          } catch (error) {
            expect(error).toMatchObject({ kind: 'invalid' });
          }
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('takes the bytes that the others are made of', () => {
    const accepted = scan(GOOD);
    expect([accepted.samplesOk, accepted.metadataOk, accepted.rewritten.size > 0]).toEqual([
      2,
      1,
      true,
    ]);
    expect(accepted.firstRejection).toBeUndefined();
  });
});
