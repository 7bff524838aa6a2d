// Rules of a tenant on pushes of each protocol: what is dropped, what is changed before it is judged, and what
// stays as it is.
import { describe, expect, it } from 'vitest';
import { body1, body2, decode, NOW, type Setup, series, setUp, VERSION_2 } from './push-fixture.ts';

const DROP = { action: 'drop', source_labels: ['__name__'], regex: 'bad.*' };

function labelsOf(produced: Parameters<typeof decode>[0]): string[] {
  return decode(produced)
    .map(({ labels }) =>
      labels.map(({ name, value }) => `${Buffer.from(name)}=${Buffer.from(value)}`).join(),
    )
    .sort();
}

const run = (limits: NonNullable<Setup['limits']>) => setUp({ limits });

describe('relabelling', () => {
  it('drops series of remote write 1.0 without an error, and counts them', async () => {
    const { push, produced, metric } = run({ relabelRules: [DROP] });
    const answer = await push(body1([series('bad_one', 1, [NOW, NOW + 1]), series('good', 2)]));
    expect([answer.status, labelsOf(produced)]).toEqual([200, ['__name__=good,index=2']]);
    expect(await metric('cortex_discarded_samples_total')).toMatchObject([
      { labels: { reason: 'relabel_configuration' }, value: 2 },
    ]);
  });

  it('holds for remote write 2.0', async () => {
    const { push, produced } = run({
      relabelRules: [DROP, { target_label: 'x', replacement: 'y' }],
    });
    const timeseries = [
      { labelsRefs: [1, 2], samples: [{ value: 1, timestamp: NOW }] },
      { labelsRefs: [1, 3], samples: [{ value: 1, timestamp: NOW }] },
    ];
    const answer = await push(body2(['', '__name__', 'bad', 'good'], timeseries), {
      contentType: VERSION_2,
    });
    expect([answer.status, labelsOf(produced)]).toEqual([204, ['__name__=good,x=y']]);
  });

  it('comes before validation, and knows the tenant', async () => {
    const { push, produced } = run({
      labelNamesMax: 2,
      relabelRules: [
        { source_labels: ['__meta_tenant_id'], target_label: 'index', replacement: 'of_$1' },
      ],
    });
    expect((await push(body1([series('m', 1)]))).status).toBe(200);
    expect(labelsOf(produced)).toEqual(['__name__=m,index=of_tenant']);
    const refused = run({
      labelNamesMax: 2,
      relabelRules: [{ target_label: 'x', replacement: 'y' }],
    });
    expect((await refused.push(body1([series('m', 1)]))).body).toContain('(actual: 3, limit: 2)');
  });

  it('takes labels off, and leaves out what has none left', async () => {
    const { push, produced } = run({ dropLabels: ['index'] });
    expect((await push(body1([series('m', 1)]))).status).toBe(200);
    expect(labelsOf(produced)).toEqual(['__name__=m']);
    const empty = run({ dropLabels: ['index', '__name__'] });
    expect((await empty.push(body1([series('m', 1)]))).status).toBe(200);
    expect(empty.produced).toEqual([]);
  });

  it('can be turned off', async () => {
    const { push, produced } = run({ relabelRules: [DROP], relabelEnabled: false });
    await push(body1([series('bad', 1)]));
    expect(labelsOf(produced)).toEqual(['__name__=bad,index=1']);
  });
});
