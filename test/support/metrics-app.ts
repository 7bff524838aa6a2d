// A program with OpenMetrics at its door: a counter and a classic histogram, with exemplars and the times
// since when they count. Each scrape counts.

import { once } from 'node:events';
import { createServer } from 'node:http';

export interface MetricsApp {
  /** host:port. */
  readonly address: string;
  /** When it started counting, seconds. */
  readonly createdSeconds: number;
  stop(): Promise<void>;
}

const CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

export async function startMetricsApp(): Promise<MetricsApp> {
  const createdSeconds = Math.floor(Date.now() / 1000) - 20;
  let scrapes = 0;
  const server = createServer((_request, response) => {
    scrapes++;
    response.setHeader('content-type', CONTENT_TYPE);
    response.end(exposition(scrapes, createdSeconds));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    address: `127.0.0.1:${address.port}`,
    createdSeconds,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function exposition(scrapes: number, createdSeconds: number): string {
  const now = (Date.now() / 1000).toFixed(3);
  const exemplar = (value: number) => `# {trace_id="t${scrapes}"} ${value} ${now}`;
  const lines = [
    '# TYPE app_requests counter',
    `app_requests_total{path="/a"} ${scrapes} ${exemplar(1)}`,
    `app_requests_created{path="/a"} ${createdSeconds}`,
    '# TYPE app_seconds histogram',
    `app_seconds_bucket{le="0.1"} ${scrapes} ${exemplar(0.05)}`,
    `app_seconds_bucket{le="1"} ${2 * scrapes} ${exemplar(0.5)}`,
    `app_seconds_bucket{le="+Inf"} ${3 * scrapes}`,
    `app_seconds_sum ${4.5 * scrapes}`,
    `app_seconds_count ${3 * scrapes}`,
    `app_seconds_created ${createdSeconds}`,
  ];
  return `${lines.join('\n')}\n# EOF\n`;
}
