// A real OpenTelemetry Collector that takes OTLP and hands it on by the exporters it is given; built by the
// peers provider.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './weir-process.ts';

export interface CollectorProcess {
  /** The URL at which it takes OTLP over HTTP. */
  readonly url: string;
  /** What it logged; for messages of failing tests. */
  readonly log: () => string;
  /** Sends what it has left before it ends. */
  stop(): Promise<void>;
}

/** Exporters by id, as its configuration has them. */
export async function startCollector(
  exporters: Readonly<Record<string, object>>,
  flags: readonly string[] = [],
): Promise<CollectorProcess> {
  const binary = process.env.WEIR_OTELCOL;
  if (!binary) throw new Error('WEIR_OTELCOL is not set: run npm run test:peers');
  const directory = await mkdtemp(join(tmpdir(), 'weir-collector-'));
  const endpoint = `127.0.0.1:${await freePort()}`;
  const file = join(directory, 'collector.yaml');
  await writeFile(file, JSON.stringify(configuration(endpoint, exporters)));
  const child = spawn(binary, ['--config', `file:${file}`, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-65_536);
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await answering(child, `http://${endpoint}`, () => output);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${endpoint}/v1/metrics`, log: () => output, stop };
}

function configuration(endpoint: string, exporters: Readonly<Record<string, object>>): object {
  return {
    receivers: { otlp: { protocols: { http: { endpoint } } } },
    exporters,
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { metrics: { receivers: ['otlp'], exporters: Object.keys(exporters) } },
    },
  };
}

async function answering(child: ChildProcess, url: string, log: () => string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`the collector ended: ${log()}`);
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await sleep(100);
  }
  throw new Error(`the collector does not answer after 30 s: ${log()}`);
}
