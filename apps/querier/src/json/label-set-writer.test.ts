// Sets that begin alike are printed as they would be alone.
import { labelsOf } from '@weir/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { seriesAnswerJson } from './answer-json.ts';

it('prints sets as JSON, whatever came before', () => {
  const value = fc.constantFrom(
    '1',
    '12',
    '',
    'é',
    '"',
    '\\',
    'a',
    'x'.repeat(130),
    'x'.repeat(131),
  );
  const set = fc.dictionary(fc.constantFrom('__name__', 'a', 'b', 'c', 'é'), value);
  fc.assert(
    fc.property(fc.array(set), fc.nat(2), (some, copies) => {
      const sets = Array.from({ length: copies + 1 }, () => some).flat();
      const wanted = sets.map((one) =>
        Object.fromEntries(Object.entries(one).filter(([, text]) => text !== '')),
      );
      const chunks = [...seriesAnswerJson(sets.map(labelsOf), { warnings: [], infos: [] })];
      expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual({
        status: 'success',
        data: wanted,
      });
    }),
  );
});

it('prints more than a chunk of them', () => {
  const sets = Array.from({ length: 9000 }, (_, at) => ({ a: 'same'.repeat(9), b: String(at) }));
  const chunks = [...seriesAnswerJson(sets.map(labelsOf), { warnings: [], infos: [] })];
  expect(chunks.length).toBeGreaterThan(1);
  expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual({ status: 'success', data: sets });
});
