// What the model lets an answer hold when it can't know what the heads refused.
import { labelsOf } from '@weir/model';
import { describe, expect, it } from 'vitest';
import { Model } from './model.ts';
import { allowedValues } from './points.ts';
import { encodeWrite1 } from './samples.ts';

const HOUR_MS = 3_600_000;
const up = labelsOf({ __name__: 'up' });
const other = labelsOf({ __name__: 'other' });

function modelOf(limited: boolean): Model {
  const model = new Model(1, () => ({
    windowMinMs: HOUR_MS,
    windowMaxMs: HOUR_MS,
    limited,
    mayForget: false,
  }));
  const times = [
    [10 * HOUR_MS, up],
    [20 * HOUR_MS, other],
    [10 * HOUR_MS + 1, up],
  ] as const;
  times.forEach(([t, labels], offset) => {
    const value = encodeWrite1({ samples: [{ labels, t, v: 1, createdMs: 0 }], metadata: [] });
    const record = { offset, key: Buffer.from('one'), value, version: 1, timestampMs: 0, atMs: 0 };
    model.appended(0, record, record);
  });
  return model;
}

describe('a sample that is too old by the newest of another series', () => {
  const allowed = (model: Model) => {
    const [series] = model.tenants.get('one')!.get(Buffer.from(up).toString('latin1'))!;
    const point = series!.points.get(10 * HOUR_MS + 1);
    return point === undefined ? [] : allowedValues(point);
  };

  it('is refused', () => {
    expect(allowed(modelOf(false))).toEqual([]);
  });

  it('may be there with a limit on series, which that one may be over', () => {
    const model = modelOf(true);
    expect(allowed(model)).toHaveLength(1);
    expect(model.must[0]).toEqual([]);
  });
});
