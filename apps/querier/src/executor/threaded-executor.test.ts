// Queries in real worker threads, from the bundled entry: answers, cancellation, a crash and its
// replacement. The bundle lies below node_modules so that the packages outside it are found.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bucketFlags } from '@weir/bucket';
import { catalogFlags } from '@weir/catalog';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { labelsOf } from '@weir/model';
import { type OwnerDirectory, type SeriesChunks, serveRead } from '@weir/query';
import { type Clock, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { CHUNK_XOR, encodeXorChunk } from '@weir/tsdb/chunk';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { querierFlags } from '../querier-settings.ts';
import type { QueryAnswer, QueryRequest } from '../query-request.ts';
import { createThreadedExecutor, type ThreadedExecutor } from './threaded-executor.ts';

const never = new AbortController().signal;
const root = join(import.meta.dirname, '../../../..');
const SERIES = 3000;
/** The real entry, which also dies when it is told to. */
const CRASHABLE = `import './worker.ts';
new BroadcastChannel('weir-test-crash').onmessage = () => { throw new Error('crash'); };`;
let directory: string;
let executor: ThreadedExecutor;
/** What waits for its time waits for this: the start of workers, and restarts. */
const restarts: (() => void)[] = [];
const clock: Clock = {
  ...systemClock,
  after(_ms, callback) {
    restarts.push(callback);
    return { cancel() {} };
  },
};

let hanging = () => {};
let aborted = () => {};

const owners: OwnerDirectory = {
  owners: async (tenant) => [
    {
      partitions: [0],
      port: {
        async *read(request, signal) {
          if (tenant === 'hangs') {
            yield Buffer.from('{"heldBlocks":[]}');
            signal.addEventListener('abort', () => aborted());
            hanging();
            await new Promise(() => {});
          }
          if (tenant === 'fails') throw new WeirError('unavailable', 'no owner');
          yield* serveRead(reader, request, signal);
        },
      },
    },
  ],
};

const reader = {
  async select() {
    return { heldBlocks: [], sources: [manySeries()] };
  },
  labelNames: async () => ({ heldBlocks: [], lists: [['a']] }),
  labelValues: async () => ({ heldBlocks: [], lists: [] }),
  async *histogramMetrics() {},
  cardinality: async () => ({ series: 0, labels: (async function* () {})() }),
  discarded: async () => [],
  freshness: async () => [],
  tenantStats: async () => [],
  exemplars: async () => [],
  metadata: async () => [],
};

async function* manySeries(): AsyncGenerator<SeriesChunks[]> {
  const t = Float64Array.of(1000);
  const bytes = encodeXorChunk(t, t, 0, 1);
  const chunks = [{ minT: 1000, maxT: 1000, encoding: CHUNK_XOR, bytes }];
  for (let at = 0; at < SERIES; at++) {
    const n = String(at).padStart(6, '0');
    yield [{ labels: labelsOf({ __name__: 'up', n }), chunks }];
  }
}

const request = (tenant: string, query: string): QueryRequest => ({
  tenant,
  endpoint: 'query',
  params: [
    ['query', query],
    ['time', '1'],
  ],
});

async function textOf({ body }: QueryAnswer): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

beforeAll(async () => {
  directory = mkdtempSync(join(root, 'node_modules', '.weir-test-'));
  await build({
    stdin: {
      contents: CRASHABLE,
      resolveDir: join(root, 'apps/querier/src'),
      sourcefile: 'worker.mjs',
    },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
    plugins: [
      {
        name: 'external-packages',
        setup(builder) {
          builder.onResolve({ filter: /^[^./]/ }, ({ kind, path }) =>
            kind === 'entry-point' || path.startsWith('@weir/')
              ? undefined
              : { path, external: true },
          );
        },
      },
    ],
  });
  executor = createThreadedExecutor(
    {
      querier: defaultsOf(querierFlags),
      bucket: { ...defaultsOf(bucketFlags), filesystemDir: join(directory, 'bucket') },
      catalog: defaultsOf(catalogFlags),
    },
    {
      workerUrl: pathToFileURL(join(directory, 'stdin.mjs')),
      workers: 1,
      owners,
      clock,
      telemetry: silentTelemetry(),
    },
  );
});

afterAll(async () => {
  await executor?.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('threaded executor', () => {
  it('answers from a worker, several at once, streamed in chunks', async () => {
    // They have no need to wait for the workers' start.
    restarts.splice(0);
    const [sum, all] = await Promise.all([
      executor.execute(request('t', 'sum(up)'), never),
      executor.execute(request('t', 'up'), never),
    ]);
    expect(JSON.parse(await textOf(sum!)).data.result[0].value).toEqual([1, String(SERIES * 1000)]);
    expect(all!.status).toBe(200);
    expect(JSON.parse(await textOf(all!)).data.result.length).toBe(SERIES);
  });

  it('carries errors of owners through the worker', async () => {
    const answer = await executor.execute(request('fails', 'up'), never);
    expect(answer.status).toBe(503);
    expect(JSON.parse(await textOf(answer))).toMatchObject({ error: 'no owner' });
  });

  it('answers from owners that the caller names', async () => {
    let asked = 0;
    const own: OwnerDirectory = {
      async owners(tenant) {
        asked++;
        return owners.owners(tenant);
      },
    };
    const answer = await executor.executeAt(request('t', 'count(up)'), own, never);
    expect(JSON.parse(await textOf(answer)).data.result[0].value).toEqual([1, String(SERIES)]);
    expect(asked).toBe(1);
  });

  it('cancels reading when the client leaves', async () => {
    const controller = new AbortController();
    const reading = new Promise<void>((resolve) => {
      hanging = resolve;
    });
    const stopped = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const answer = executor.execute(request('hangs', 'up'), controller.signal);
    await reading;
    controller.abort(new WeirError('canceled', 'context canceled'));
    expect((await answer).status).toBe(499);
    await stopped;
  });

  it('answers 500 for the queries of a worker that dies, and replaces it', async () => {
    const reading = new Promise<void>((resolve) => {
      hanging = resolve;
    });
    const doomed = executor.execute(request('hangs', 'up'), never);
    await reading;
    const channel = new BroadcastChannel('weir-test-crash');
    channel.postMessage('now');
    expect((await doomed).status).toBe(500);
    channel.close();
    while (restarts.length === 0) await systemClock.yield();
    for (const restart of restarts.splice(0)) restart();
    const answer = await executor.execute(request('t', 'count(up)'), never);
    expect(JSON.parse(await textOf(answer)).data.result[0].value).toEqual([1, String(SERIES)]);
  });
});
