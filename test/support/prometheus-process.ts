// A real Prometheus 3 that scrapes itself and Weir and remote-writes to Weir, or serves a data directory;
// built by the peers provider.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './weir-process.ts';

const DATA = '--storage.tsdb.path=';
/** However old the data is. */
const KEEP = '--storage.tsdb.retention.time=100y';

export interface PrometheusOptions {
  /** host:port of the targets to scrape. */
  readonly scrape: readonly string[];
  readonly remoteWrite: readonly { readonly url: string; readonly version: 1 | 2 }[];
  readonly tenant: string;
  /** Settings of the queue that sends. */
  readonly queue?: Readonly<Record<string, unknown>>;
  /** Native histograms and exemplars, with these features on; classic histograms of `app` become native. */
  readonly rich?: {
    readonly features: readonly string[];
    /** host:port of one more target. */
    readonly app: string;
    /** Its data directory, which stays. */
    readonly data: string;
  };
}

export interface DataOptions {
  /** Its data directory, which stays. */
  readonly data: string;
  readonly flags?: readonly string[];
}

export interface PrometheusProcess {
  readonly base: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusProcess> {
  const { rich } = options;
  return start(
    (self) => configuration(options, self),
    rich && [`--storage.tsdb.path=${rich.data}`, `--enable-feature=${rich.features.join(',')}`],
  );
}

/** One that neither scrapes nor sends, on data that lies there, however old it is. */
export async function servePrometheus({ data, flags = [] }: DataOptions) {
  return start(() => '{}', [`--storage.tsdb.path=${data}`, KEEP, ...flags]);
}

/** A Prometheus that only takes OTLP metrics, translated by that strategy. */
export async function receiveOtlp(
  strategy: string,
  promoted: readonly string[],
): Promise<PrometheusProcess> {
  const otlp = { translation_strategy: strategy, promote_resource_attributes: promoted };
  return start(() => JSON.stringify({ otlp }), ['--web.enable-otlp-receiver', '--log.level=error']);
}

/** A Prometheus that takes remote write and OTLP, with its defaults but for these features. */
export async function receiveWrites(features: readonly string[] = []): Promise<PrometheusProcess> {
  const flags = ['--web.enable-remote-write-receiver', '--web.enable-otlp-receiver'];
  if (features.length > 0) flags.push(`--enable-feature=${features.join(',')}`);
  return start(() => '{}', [...flags, '--log.level=error', KEEP]);
}

/** A Prometheus without data of its own, which reads another's, also what is recent. */
export async function readRemotely(url: string, tenant: string): Promise<PrometheusProcess> {
  const headers = { 'X-Scope-OrgID': tenant };
  return start(
    () => JSON.stringify({ remote_read: [{ url, headers, read_recent: true }] }),
    ['--log.level=error'],
  );
}

async function start(
  configure: (self: string) => string,
  flags: readonly string[] = [],
): Promise<PrometheusProcess> {
  const binary = process.env.WEIR_PROMETHEUS;
  if (!binary) throw new Error('WEIR_PROMETHEUS is not set: run npm run test:peers');
  const directory = await mkdtemp(join(tmpdir(), 'weir-prometheus-'));
  const port = await freePort();
  const self = `127.0.0.1:${port}`;
  await writeFile(join(directory, 'prometheus.yml'), configure(self));
  const child = spawn(
    binary,
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      ...(flags.some((flag) => flag.startsWith(DATA)) ? [] : [`${DATA}${join(directory, 'data')}`]),
      ...flags,
      `--web.listen-address=${self}`,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await ready(child, `http://${self}/-/ready`);
  return {
    base: `http://${self}`,
    pid: child.pid!,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess, url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`);
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await sleep(100);
  }
  throw new Error('prometheus is not ready after 30 s');
}

function configuration(options: PrometheusOptions, self: string): string {
  const { scrape, remoteWrite, tenant, rich, queue } = options;
  const message = (version: 1 | 2) =>
    version === 1 ? 'prometheus.WriteRequest' : 'io.prometheus.write.v2.Request';
  return JSON.stringify({
    global: { scrape_interval: '1s', ...(rich && { scrape_native_histograms: true }) },
    scrape_configs: [
      ...(rich === undefined
        ? []
        : [
            {
              job_name: 'app',
              convert_classic_histograms_to_nhcb: true,
              static_configs: [{ targets: [rich.app] }],
            },
          ]),
      { job_name: 'prometheus', static_configs: [{ targets: [self] }] },
      { job_name: 'weir', static_configs: [{ targets: scrape }] },
    ],
    remote_write: remoteWrite.map(({ url, version }) => ({
      url,
      protobuf_message: message(version),
      headers: { 'X-Scope-OrgID': tenant },
      queue_config: { batch_send_deadline: '1s', retry_on_http_429: true, ...queue },
      ...(rich && { send_exemplars: true, send_native_histograms: true }),
    })),
  });
}
