// What a push costs per sample, kernel by kernel: snappy, scan; then the whole distributor in process with a log that acknowledges at once.
import { defaultsOf } from '@weir/config';
import { createDistributor, distributorFlags } from '@weir/distributor';
import { createLimits, limitsFlags } from '@weir/limits';
import type { PartitionLog } from '@weir/log';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { AcceptedWrite, RemoteWrite1Scan, snappyUncompress, type WriteRules } from '@weir/wire';
import { compressSync } from 'snappy';
import { otlpBody, remoteWrite1Body, remoteWrite2Body } from './push-bodies.ts';

const SERIES = 2000;
const BODIES = 10;
const SECONDS = 2;

const RULES: WriteRules = {
  labelNameBytesMax: 1024,
  labelValueBytesMax: 2048,
  labelNamesMax: 30,
  labelNamesInfoMax: 80,
  timestampMaxMs: Number.MAX_SAFE_INTEGER,
  timestampMinMs: Number.NEGATIVE_INFINITY,
  legacyNames: false,
  metadataBytesMax: 1024,
  histogramsEnabled: true,
  histogramBucketsMax: 0,
  histogramsReduced: true,
  exemplarsEnabled: true,
};

const random = seededRandom(7);

async function measure(name: string, work: (index: number) => unknown): Promise<void> {
  for (let index = 0; index < 50; index++) await work(index % BODIES);
  let pushes = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    await work(pushes++ % BODIES);
    if (pushes % 4 === 0) await systemClock.yield();
  }
  const { user, system } = process.cpuUsage(cpu);
  const samples = pushes * SERIES;
  const wallUs = ((performance.now() - start) * 1000) / samples;
  const rss = (process.memoryUsage().rss / 1e6).toFixed(0);
  console.log(
    `${name.padEnd(34)} ${wallUs.toFixed(3)} µs wall, ${((user + system) / samples).toFixed(3)} µs CPU a sample, rss ${rss} MB`,
  );
}

const bodiesOf = (make: (first: number, count: number) => Buffer) => {
  const bodies = Array.from({ length: BODIES }, (_, index) => make(index * SERIES, SERIES));
  const compressed = bodies.map((body) => compressSync(body));
  console.log(
    `${make.name}: ${SERIES} series, ${bodies[0]!.length} bytes, ${compressed[0]!.length} by Snappy`,
  );
  return { bodies, compressed };
};
const { bodies: raw, compressed } = bodiesOf(remoteWrite1Body);
const { compressed: compressed2 } = bodiesOf(remoteWrite2Body);
const { bodies: otlp } = bodiesOf(otlpBody);

await measure('snappy', (index) => snappyUncompress(compressed[index]!));

const accepted = new AcceptedWrite();
const scan = new RemoteWrite1Scan();
await measure('scan', (index) => {
  accepted.clear();
  scan.start(raw[index]!, raw[index]!.length, 1);
  scan.run(Number.MAX_SAFE_INTEGER, RULES, accepted);
  if (accepted.count !== SERIES || accepted.rewritten.size > 0)
    throw new Error('not the fast path');
});

const partitions = [0, 1, 2, 3];
const acknowledging: Partial<PartitionLog> = {
  recordSizeMaxBytes: 15_983_616,
  produce: async (records) => records.map(() => 0),
};
const distributor = createDistributor(defaultsOf(distributorFlags), {
  log: acknowledging as PartitionLog,
  routing: { active: () => partitions },
  limits: createLimits(defaultsOf(limitsFlags)),
  clock: systemClock,
  random,
  telemetry: silentTelemetry(),
  tenantOf: () => 'bench',
});
const push = (body: Uint8Array, parameters: string) =>
  distributor.push({
    tenant: 'bench',
    contentType: `application/x-protobuf${parameters}`,
    contentEncoding: 'snappy',
    retryAttempt: undefined,
    body,
  });
await measure('push 1.0: decompress, scan, slice', async (index) => {
  const answer = await push(compressed[index]!, '');
  if (answer.status !== 200) throw new Error(answer.body);
});
await measure('push 2.0', async (index) => {
  const answer = await push(compressed2[index]!, ';proto=io.prometheus.write.v2.Request');
  if (answer.status !== 200 && answer.status !== 204) throw new Error(answer.body);
});
await measure('push OTLP', async (index) => {
  const answer = await distributor.otlp.receive({
    tenant: 'bench',
    encoding: 'protobuf',
    compression: '',
    retryAttempt: undefined,
    body: otlp[index]!,
  });
  if (answer.status !== 200) throw new Error(answer.message);
});
