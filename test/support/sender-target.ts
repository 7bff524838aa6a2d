// A Weir with every door open that senders know, and what it has to be asked to compare it with what they
// recorded. Native histograms are read by promtool from Weir's blocks.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Seen } from './histogram-data.ts';
import { parseHistogram } from './printed-histogram.ts';
import { api, type MatrixSeries, rawSamples } from './prometheus-api.ts';
import { dumpBlocks } from './promtool.ts';
import { seriesKey } from './recording.ts';
import { freePort, WeirProcess } from './weir-process.ts';

const RANGE = '10m';

/** Limits by tenant, as in the file of runtime overrides. */
export type Overrides = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export class SenderTarget {
  readonly weir: WeirProcess;
  /** host:port of OTLP over gRPC. */
  readonly grpc: string;
  readonly #directory: string;

  private constructor(weir: WeirProcess, grpc: string, directory: string) {
    this.weir = weir;
    this.grpc = grpc;
    this.#directory = directory;
  }

  static async start(
    flags: readonly string[] = [],
    overrides: Overrides = {},
  ): Promise<SenderTarget> {
    const directory = await mkdtemp(join(tmpdir(), 'weir-senders-'));
    const grpcPort = await freePort();
    const weir = new WeirProcess({
      port: await freePort(),
      flags: [
        '-target=all',
        `-data-dir=${join(directory, 'weir')}`,
        '-log.level=warn',
        `-distributor.otlp-grpc-listen-port=${grpcPort}`,
        '-distributor.otlp-grpc-listen-address=127.0.0.1',
        '-distributor.otel-translation-strategy=UnderscoreEscapingWithSuffixes',
        '-distributor.influx-endpoint-enabled=true',
        `-runtime-config.file=${join(directory, 'overrides.yaml')}`,
        '-runtime-config.reload-period=1s',
        ...flags,
      ],
    });
    const target = new SenderTarget(weir, `127.0.0.1:${grpcPort}`, directory);
    await target.override(overrides);
    await weir.start();
    return target;
  }

  get base(): string {
    return this.weir.base;
  }

  /** Holds within a second or two. */
  override(overrides: Overrides): Promise<void> {
    return this.configure({ overrides });
  }

  /** The whole file of runtime configuration. */
  configure(runtime: Readonly<Record<string, unknown>>): Promise<void> {
    return writeFile(join(this.#directory, 'overrides.yaml'), JSON.stringify(runtime));
  }

  /** All float samples of the last minutes, oldest first; series of native histograms alone are passed over. */
  async samples(tenant: string, selector = '{__name__!=""}'): Promise<MatrixSeries[]> {
    const base = `${this.base}/prometheus`;
    const found = await rawSamples(base, selector, RANGE, Date.now(), tenant);
    return found.filter(({ values = [] }) => values.length > 0);
  }

  /** Their values by name and labels, without labels that are as in `identity`. */
  async values(
    tenant: string,
    identity: Readonly<Record<string, string>> = {},
  ): Promise<Record<string, number[]>> {
    const all = await this.samples(tenant);
    return Object.fromEntries(
      all.map(({ metric, values }) => {
        const { __name__, ...labels } = metric;
        const others = Object.entries(labels).filter(([name, value]) => identity[name] !== value);
        const key = seriesKey(__name__!, Object.fromEntries(others));
        return [key, values.map(([, value]) => Number(value))];
      }),
    );
  }

  /** Native histograms of a metric, oldest first, from the tenant's blocks. */
  async histograms(tenant: string, name: string): Promise<Seen[]> {
    return (await this.dump(tenant))
      .flatMap((line) => {
        const [, labels, histogram, time] = /^(\{.*\}) (\{count:.*\}) (\d+)$/.exec(line) ?? [];
        if (!labels?.includes(`__name__="${name}"`)) return [];
        return [{ time: Number(time), seen: parseHistogram(histogram!) }];
      })
      .sort((a, b) => a.time - b.time)
      .map(({ seen }) => seen);
  }

  /** Everything of a tenant, as promtool reads it from the blocks that are cut for that. */
  async dump(tenant: string): Promise<string[]> {
    const flush = await fetch(`${this.base}/ingester/flush?wait=true`, { method: 'POST' });
    if (flush.status !== 204) throw new Error(`flush answered ${flush.status}`);
    const blocks = join(this.#directory, 'tsdb', tenant);
    await rm(blocks, { recursive: true, force: true });
    await cp(join(this.#directory, 'weir', 'blocks', tenant), blocks, { recursive: true });
    return dumpBlocks(blocks);
  }

  async metadata(tenant: string): Promise<Readonly<Record<string, readonly object[]>>> {
    const { data } = await api(`${this.base}/prometheus`, '/api/v1/metadata', {}, tenant);
    return data as Record<string, object[]>;
  }

  /** [labels, value] of each exemplar of a selector, oldest series first. */
  async exemplars(tenant: string, query: string): Promise<Exemplar[]> {
    const now = Date.now() / 1000;
    const range = { start: String(now - 600), end: String(now + 60) };
    const path = '/api/v1/query_exemplars';
    const { data } = await api(`${this.base}/prometheus`, path, { query, ...range }, tenant);
    return (data as { exemplars: Exemplar[] }[]).flatMap(({ exemplars }) => exemplars);
  }

  async stop(): Promise<void> {
    await this.weir.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export interface Exemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly timestamp: number;
}
