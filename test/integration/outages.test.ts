// What an operator meets: wrong settings, a Kafka that does not answer or has no client here, a bucket
// that goes away, a full log. Each gets a message that says what to do, and what can recover does so by
// itself. (A broker that goes away under load is in test/chaos.)
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bucketFlags } from '@weir/bucket';
import { createBucket } from '@weir/bucket/open';
import { defaultsOf } from '@weir/config';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Gate, startGate } from '../support/gate.ts';
import { rawSamples } from '../support/prometheus-api.ts';
import { push, type TestSeries } from '../support/remote-write.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const patience = { timeout: 30_000, interval: 100 };
let directory: string;
let weir: WeirProcess;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'weir-outage-'));
});
afterEach(async () => {
  await weir?.kill();
  await rm(directory, { recursive: true, force: true });
});

async function processWith(
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<WeirProcess> {
  weir = new WeirProcess({
    port: await freePort(),
    flags: [`-data-dir=${directory}`, '-log.level=warn', ...flags],
    env,
  });
  return weir;
}

/** Exit code and output of a process that can't start. */
async function refusal(flags: readonly string[], env = {}): Promise<[number | null, string]> {
  const refused = await processWith(flags, env);
  refused.spawn();
  const code = await refused.ended();
  return [code, refused.output];
}

const series = (name: string, samples: TestSeries['samples'], count = 1): TestSeries[] =>
  Array.from({ length: count }, (_, index) => ({
    labels: { __name__: name, index: String(index) },
    samples,
  }));

describe('wrong settings end the process with a message', () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ['an unknown target', ['-target=nonsense'], '-target=nonsense is not known; it is one of all'],
    ['an unknown flag', ['-targt=all'], 'unknown flag -targt: did you mean -target?'],
    [
      'a value that is none',
      ['-ingest-storage.kafka.producer-linger=abc'],
      'is not valid for -ingest-storage.kafka.producer-linger',
    ],
    [
      'one of several processes without Kafka',
      ['-target=distributor'],
      'needs Kafka: set -ingest-storage.kafka.address, or run -target=all',
    ],
  ];
  for (const [what, flags, message] of cases) {
    it(what, async () => {
      const [code, output] = await refusal(flags);
      expect(output).toContain(message);
      expect(code).toBe(1);
    });
  }

  it('an unknown key in the file', async () => {
    const file = join(directory, 'weir.yaml');
    await writeFile(file, 'ingest_storage:\n  kafka:\n    adress: nowhere:9092\n');
    const [code, output] = await refusal([`-config.file=${file}`]);
    expect(output).toContain('"ingest_storage.kafka.adress"');
    expect(output).toContain('did you mean "ingest_storage.kafka.address"?');
    expect(code).toBe(1);
  });
});

describe('Kafka that cannot be used at start', () => {
  it('a broker that does not answer is named, and the process ends for its supervisor', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const [code, output] = await refusal([
      '-target=ingester',
      `-ingest-storage.kafka.address=${address}`,
      '-ingest-storage.kafka.start-timeout=2s',
    ]);
    expect(output).toContain('Connection refused');
    expect(output).toContain(`no Kafka broker answers at ${address}`);
    expect(code).toBe(1);
  });

  it('without the native client, the command that builds it is printed', async () => {
    const hide = join(directory, 'hide.cjs');
    await writeFile(
      hide,
      `const load = process.dlopen;
      process.dlopen = (module, file, ...rest) => {
        if (file.includes('confluent')) throw new Error('hidden by the test');
        return load(module, file, ...rest);
      };`,
    );
    const [code, output] = await refusal(['-ingest-storage.kafka.address=127.0.0.1:9'], {
      NODE_OPTIONS: `--require=${hide}`,
    });
    expect(output).toContain('npm run kafka:build');
    expect(code).toBe(1);
  });
});

describe('an embedded log at its size cap', () => {
  it('refuses pushes with the reason, and takes them again after a flush', async () => {
    await processWith(['-target=all', '-embedded-log.max-size-bytes=300000']);
    await weir.start();
    const startMs = Date.now() - 600_000;
    const next = (step: number) =>
      push(weir.base, series('filling', [[startMs + step, step]], 200));
    let step = 0;
    let answer = await next(step);
    while (answer.status < 300 && step < 500) answer = await next(++step);
    expect(answer).toMatchObject({ status: 503 });
    expect(answer.body).toContain('embedded log is full');
    const flushed = await fetch(`${weir.base}/ingester/flush?wait=true`, { method: 'POST' });
    expect(flushed.status).toBe(204);
    await expect.poll(async () => (await next(step)).status, patience).toBeLessThan(300);
    const read = await rawSamples(`${weir.base}/prometheus`, 'filling', '1h', Date.now(), 'test');
    expect(read.length).toBe(200);
    for (const { values } of read) expect(values.length).toBe(step + 1);
  });
});

describe('a bucket that goes away', () => {
  const endpoint = process.env.WEIR_TEST_S3_ENDPOINT?.replace('http://', '');
  const name = `outage-${process.pid}`;
  let gate: Gate;
  const settings = () => ({
    ...defaultsOf(bucketFlags),
    backend: 's3',
    s3Endpoint: endpoint!,
    s3BucketName: name,
    s3AccessKeyId: 'test',
    s3SecretAccessKey: 'test',
    s3Insecure: true,
  });

  beforeEach(async () => {
    if (!endpoint) throw new Error('WEIR_TEST_S3_ENDPOINT is not set: run this through `npm test`');
    await fetch(`http://${endpoint}/${name}`, { method: 'PUT' });
    gate = await startGate(endpoint);
  });
  afterEach(() => gate.shut().catch(() => undefined));

  it('stops no push and no read; blocks are shipped when it is back', async () => {
    await processWith([
      '-target=all',
      '-blocks-storage.backend=s3',
      `-blocks-storage.s3.endpoint=${gate.address}`,
      `-blocks-storage.s3.bucket-name=${name}`,
      '-blocks-storage.s3.access-key-id=test',
      '-blocks-storage.s3.secret-access-key=test',
      '-blocks-storage.s3.insecure=true',
      '-blocks-storage.tsdb.ship-interval=500ms',
      '-blocks-storage.tsdb.head-compaction-interval=500ms',
      '-blocks-storage.bucket-store.sync-interval=1s',
    ]);
    await weir.start();
    const hourMs = 3_600_000;
    const startMs = Math.floor(Date.now() / (2 * hourMs)) * 2 * hourMs - 6 * hourMs;
    const first = await push(weir.base, series('kept', [[startMs, 1]], 3));
    expect(first.status).toBe(200);
    await gate.shut();
    // Four hours later in event time the first window is due for a block.
    const second = await push(weir.base, series('kept', [[startMs + 4 * hourMs, 2]], 3));
    expect(second.status).toBe(200);
    await expect.poll(() => weir.output, patience).toContain('upkeep of partition');
    const third = await push(weir.base, series('kept', [[startMs + 4 * hourMs + 15_000, 3]], 3));
    expect(third.status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(weir.output.split('upkeep of partition 0').length).toBeLessThan(4);
    await gate.open();
    const bucket = await createBucket(settings());
    const metas = async () => {
      let found = 0;
      for await (const { objects } of bucket.list('test/', undefined)) {
        found += objects.filter(({ key }) => key.endsWith('/meta.json')).length;
      }
      return found;
    };
    await expect.poll(metas, patience).toBeGreaterThan(0);
    await expect
      .poll(async () => {
        const at = startMs + 4 * hourMs + 60_000;
        const read = await rawSamples(`${weir.base}/prometheus`, 'kept', '5h', at, 'test');
        return read.map(({ values }) => values.map(([, value]) => value).join());
      }, patience)
      .toEqual(['1,2,3', '1,2,3', '1,2,3']);
    await bucket.close();
  });
});
