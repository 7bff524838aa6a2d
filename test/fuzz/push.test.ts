// Mutated pushes against the whole distributor, in process, on the memory log: whatever is sent gets a
// 2xx or a 4xx with a text, in bounded time, what reaches the log decodes and is canonical, and good pushes are still taken.
// WEIR_FUZZ_COUNT says how many (default 20,000), WEIR_FUZZ_SEED repeats a run.
import { defaultsOf } from '@weir/config';
import { createDistributor, distributorFlags, type PushAnswer } from '@weir/distributor';
import { createLimits, limitsFlags } from '@weir/limits';
import { createMemoryLog } from '@weir/log/memory';
import { type Random, seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { expect, it } from 'vitest';

const COUNT = Number(process.env.WEIR_FUZZ_COUNT ?? 20_000);
const SEED = Number(process.env.WEIR_FUZZ_SEED ?? Math.floor(systemClock.nowMs()) % 2 ** 31);
const ANSWER_MAX_MS = 5_000;
/** A new distributor and log after so many pushes: the memory log keeps everything. */
const ROUND = 20_000;

const schema = protobuf.loadSync(new URL('../../proto/write.proto', import.meta.url).pathname);
const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');

type Version = 1 | 2;
const CONTENT_TYPES: Record<Version, string> = {
  1: 'application/x-protobuf',
  2: 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
};

const below = (random: Random, end: number) => Math.floor(random.next() * end);
const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[below(random, items.length)]!;
const bytes = (value: string) => Buffer.from(value);

function seedBodies(): { version: Version; raw: Buffer }[] {
  const nowMs = systemClock.nowMs();
  const samples = [
    { value: 1, timestamp: nowMs - 1 },
    { value: 0, timestamp: nowMs },
  ];
  const histograms = [{ countInt: 3, sum: 4, schema: 1, timestamp: nowMs, positiveDeltas: [1, 2] }];
  const label = (name: string, value: string) => ({ name: bytes(name), value: bytes(value) });
  const labels = [label('__name__', 'up'), label('job', 'a'), label('ü', 'v'.repeat(140))];
  const metadata = [
    { type: 1, metricFamilyName: bytes('up'), help: bytes('help'), unit: bytes('s') },
  ];
  const exemplars = [{ labels: [label('trace_id', 'x')], value: 1, timestamp: nowMs }];
  const encode1 = (request: object) => Buffer.from(WriteRequest.encode(request).finish());
  const symbols = ['', '__name__', 'up', 'job', 'a', 'help', 'v'.repeat(140)].map(bytes);
  const refs = { labelsRefs: [1, 2, 3, 6], samples, metadata: { type: 3, helpRef: 5, unitRef: 4 } };
  const encode2 = (request: object) => Buffer.from(Request.encode(request).finish());
  return [
    { version: 1, raw: encode1({ timeseries: [{ labels, samples }], metadata }) },
    { version: 1, raw: encode1({ timeseries: [{ labels: [...labels].reverse(), samples }] }) },
    { version: 1, raw: encode1({ timeseries: [{ labels, samples, exemplars, histograms }] }) },
    { version: 2, raw: encode2({ symbols, timeseries: [refs, refs] }) },
    {
      version: 2,
      raw: encode2({
        symbols,
        timeseries: [{ ...refs, histograms, exemplars: [{ labelsRefs: [3, 4] }] }],
      }),
    },
  ];
}

/** Bytes flipped, set, inserted, removed, repeated; sometimes a varint that promises too much. */
function mutate(random: Random, source: Buffer): Buffer {
  let out = Buffer.from(source);
  for (let times = below(random, 4); times > 0; times--) {
    const at = below(random, out.length + 1);
    const length = below(random, 12);
    switch (below(random, 7)) {
      case 0:
        if (at < out.length) out[at]! ^= 1 << below(random, 8);
        break;
      case 1:
        if (at < out.length) out[at] = pick(random, [0, 1, 2, 10, 18, 26, 34, 42, 127, 128, 255]);
        break;
      case 2:
        out = Buffer.concat([out.subarray(0, at), random.bytes(length), out.subarray(at)]);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
        break;
      case 4:
        out = Buffer.concat([out.subarray(0, at), out.subarray(below(random, at + 1))]);
        break;
      case 5:
        out = out.subarray(0, at);
        break;
      case 6: {
        const huge = Buffer.from('ffffffffffffffffff01', 'hex').subarray(below(random, 9));
        out = Buffer.concat([out.subarray(0, at), huge, out.subarray(at)]);
      }
    }
  }
  return out;
}

/** What is logged must decode, with canonical labels: nobody validates it again. */
function checkRecord(value: Uint8Array): void {
  const { timeseries } = WriteRequest.decode(value) as unknown as {
    timeseries: { labels: { name: Buffer; value: Buffer }[]; samples: object[] }[];
  };
  for (const { labels, samples } of timeseries) {
    if (samples.length === 0) throw new Error('a series without samples was logged');
    for (const [index, { name, value: text }] of labels.entries()) {
      const isSorted = index === 0 || Buffer.compare(labels[index - 1]!.name, name) < 0;
      if (!isSorted || text.length === 0)
        throw new Error('labels that are not canonical were logged');
    }
  }
}

function createTarget() {
  const parts = { clock: systemClock, random: seededRandom(SEED), telemetry: silentTelemetry() };
  const memory = createMemoryLog({ partitions: 4 }, parts);
  const log: typeof memory = {
    ...memory,
    recordSizeMaxBytes: memory.recordSizeMaxBytes,
    produce(records) {
      for (const record of records) checkRecord(record.value);
      return memory.produce(records);
    },
  };
  return createDistributor(defaultsOf(distributorFlags), {
    ...parts,
    log,
    routing: { active: () => [0, 1, 2, 3] },
    limits: createLimits(defaultsOf(limitsFlags)),
    tenantOf: () => 'fuzz',
  });
}

it(`answers ${COUNT} mutated pushes (WEIR_FUZZ_SEED=${SEED})`, { timeout: 3_600_000 }, async () => {
  const random = seededRandom(SEED);
  const seeds = seedBodies();
  const statuses = new Map<number, number>();
  let target = createTarget();
  let slowestMs = 0;
  const send = (version: Version, body: Uint8Array): Promise<PushAnswer> =>
    target.push({
      tenant: 'fuzz',
      contentType: CONTENT_TYPES[version],
      contentEncoding: 'snappy',
      retryAttempt: undefined,
      body,
    });
  for (let count = 1; count <= COUNT; count++) {
    const { version, raw } = pick(random, seeds);
    // A body of one protocol sent as the other is a mutation too.
    const claimed: Version = random.next() < 0.05 ? (version === 1 ? 2 : 1) : version;
    const inner = random.next() < 0.75 ? mutate(random, raw) : raw;
    const compressed = compressSync(inner);
    const body = inner === raw || random.next() < 0.1 ? mutate(random, compressed) : compressed;
    const start = systemClock.steadyMs();
    const answer = await send(claimed, body);
    slowestMs = Math.max(slowestMs, systemClock.steadyMs() - start);
    const isGood = answer.status === 200 || answer.status === 204;
    const isClientError = answer.status >= 400 && answer.status < 500 && answer.body.trim() !== '';
    if (!isGood && !isClientError) {
      const hex = Buffer.from(body).toString('hex');
      throw new Error(
        `push ${count} of version ${claimed}: ${answer.status} '${answer.body}' for ${hex}`,
      );
    }
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (count % ROUND === 0) target = createTarget();
    if (count % 64 === 0) await systemClock.yield();
  }
  for (const { version, raw } of seeds.slice(0, 2)) {
    expect((await send(version, compressSync(raw))).status).toBe(200);
  }
  expect(slowestMs).toBeLessThan(ANSWER_MAX_MS);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(COUNT / 10);
  const seen = [...statuses].map(([status, number]) => `${status}: ${number}`).join(', ');
  process.stdout.write(
    `seed ${SEED}, ${COUNT} pushes, ${seen}, slowest ${slowestMs.toFixed(0)} ms\n`,
  );
});
