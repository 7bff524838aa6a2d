// The trace context of a request goes into all its records, whatever protocol it came by.
import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { body1, body2, many, NOW, setUp, VERSION_2 } from './push-fixture.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const PRW1 = 'application/x-protobuf';

const gauge = {
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'm',
              gauge: { dataPoints: [{ timeUnixNano: `${NOW}000000`, asDouble: 1 }] },
            },
          ],
        },
      ],
    },
  ],
};
const version2 = body2(
  ['', '__name__', 'm'],
  [{ labelsRefs: [1, 2], samples: [{ value: 1, timestamp: NOW }] }],
);

const PUSHES = {
  'remote write 1.0': ['/api/v1/push', PRW1, body1(many(100)), 4],
  'remote write 2.0': ['/api/v1/push', VERSION_2, version2, 1],
  OTLP: ['/otlp/v1/metrics', 'application/json', Buffer.from(JSON.stringify(gauge)), 2],
  'line protocol': ['/api/v1/push/influx/write', 'text/plain', Buffer.from('m v=1'), 1],
} as const;

it.each(Object.entries(PUSHES))('%s', async (_name, [url, contentType, payload, records]) => {
  for (const [sent, found] of [
    [TRACEPARENT, TRACEPARENT],
    ['nonsense', undefined],
    [undefined, undefined],
  ]) {
    const { distributor, produced } = setUp({ settings: { influxEnabled: true } });
    const http = fastify();
    distributor.routes(http);
    const headers = {
      'content-type': contentType,
      ...(sent === undefined ? {} : { traceparent: sent }),
    };
    const answer = await http.inject({
      method: 'POST',
      url,
      payload: Buffer.from(payload),
      headers,
    });
    await http.close();
    expect(answer.statusCode).toBeLessThan(300);
    expect(produced.map(({ traceparent }) => traceparent)).toEqual(new Array(records).fill(found));
  }
});
