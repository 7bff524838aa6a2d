// The headers by which a sender of remote write asks to be judged less strictly: with and without their flags.
import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { setUp, VERSION_2 } from '../push-fixture.ts';
import { type Probe, REMOTE_WRITE, remoteWrite1, remoteWrite2, WHOLE } from './limit-fixture.ts';

const limits = { nameValidationScheme: 'legacy', labelNamesMax: 3, labelNamesInfoMax: 3 };
const names: Probe = { metric: 'm', labels: [['a.b', 'v']] };
const counted = (metric: string): Probe => ({
  metric,
  labels: Array.from({ length: 40 }, (_, at) => [`l${String(at).padStart(2, '0')}`, 'v']),
});
const both = { skipLabelNamesEnabled: true, skipLabelCountEnabled: true };

const CASES = [
  ['names, heeded', names, { skipLabelNames: true }, both, ''],
  ['names, not enabled', names, { skipLabelNames: true }, {}, 'err-mimir-label-invalid'],
  ['names, not asked for', names, { skipLabelCount: true }, both, 'err-mimir-label-invalid'],
  ['count, heeded', counted('m'), { skipLabelCount: true }, both, ''],
  ['count of info, heeded', counted('m_info'), { skipLabelCount: true }, both, ''],
  [
    'count, not enabled',
    counted('m'),
    { skipLabelCount: true },
    {},
    'err-mimir-max-label-names-per-series',
  ],
  [
    'count, not asked for',
    counted('m'),
    { skipLabelNames: true },
    both,
    'err-mimir-max-label-names-per-series',
  ],
] as const;

describe('headers that skip a validation', () => {
  const all = CASES.flatMap((one) => REMOTE_WRITE.map((protocol) => [protocol, ...one] as const));
  it.each(all)('%s: %s', async (protocol, _title, probe, asked, settings, id) => {
    const { push } = setUp({ limits, settings });
    const answer =
      protocol === 'remote write 1.0'
        ? await push(remoteWrite1([probe]), asked)
        : await push(remoteWrite2([probe]), { contentType: VERSION_2, ...asked });
    expect(answer.status).toBe(id === '' ? WHOLE[protocol] : 400);
    expect(answer.body).toContain(id);
  });

  it.each([
    ['X-Mimir-SkipLabelNameValidation', 'true', names, 200],
    ['X-Mimir-SkipLabelNameValidation', 'false', names, 400],
    ['X-Mimir-SkipLabelCountValidation', 'true', counted('m'), 200],
    ['X-Mimir-SkipLabelCountValidation', '1', counted('m'), 400],
  ])('%s: %s', async (header, value, probe, status) => {
    const { distributor } = setUp({ limits, settings: both });
    const server = fastify();
    distributor.routes(server);
    const headers = { 'content-encoding': 'snappy', [header]: value };
    const type = { 'content-type': 'application/x-protobuf' };
    const answer = await server.inject({
      ...{ method: 'POST', url: '/api/v1/push', payload: remoteWrite1([probe]) },
      headers: { ...headers, ...type },
    });
    await server.close();
    expect(answer.statusCode).toBe(status);
  });
});
