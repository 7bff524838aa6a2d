// A real Prometheus 3 that scrapes itself and an app and sends it all somewhere, and what it has in the end.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMetricsApp } from './metrics-app.ts';
import { startPrometheus } from './prometheus-process.ts';
import { dumpBlocks, timeOf } from './promtool.ts';

export interface SentByPrometheus {
  /** Everything that it had to send, as promtool dumps it. */
  readonly lines: readonly string[];
  /** Whether a line is of what it had to send. */
  readonly isSent: (line: string) => boolean;
}

/** Sends to the address while `work` lasts, and what is left then. */
export async function sendByPrometheus(
  address: string,
  { tenant, version }: { readonly tenant: string; readonly version: 1 | 2 },
  work: () => Promise<unknown>,
): Promise<SentByPrometheus> {
  const data = await mkdtemp(join(tmpdir(), 'weir-sender-'));
  const app = await startMetricsApp();
  try {
    const prometheus = await startPrometheus({
      scrape: [],
      remoteWrite: [{ url: `${address}/api/v1/push`, version }],
      tenant,
      rich: { features: ['exemplar-storage'], app: app.address, data },
    });
    const readyMs = Date.now();
    try {
      await work();
    } finally {
      // Sends what it has left before it ends.
      await prometheus.stop();
    }
    // It sends nothing from before it watches its log, and no custom buckets by 1.0.
    const isSent = (line: string) =>
      timeOf(line) >= readyMs && (version === 2 || !line.includes('"app_seconds"'));
    return { lines: (await dumpBlocks(data)).filter(isSent), isSent };
  } finally {
    await app.stop();
    await rm(data, { recursive: true, force: true });
  }
}
