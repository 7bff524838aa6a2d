// What a push costs per sample, kernel by kernel: snappy, scan; then the whole distributor in process with a log that acknowledges at once.
// Run: npx esbuild test/bench/push.bench.ts --bundle --platform=node --format=esm --external:snappy
//   --external:pino --external:prom-client --external:fastify --external:yaml --external:re2js
//   --outfile=test/bench/dist/push.mjs && node --cpu-prof test/bench/dist/push.mjs
import { defaultsOf } from '@weir/config';
import { createDistributor, distributorFlags } from '@weir/distributor';
import { createLimits, limitsFlags } from '@weir/limits';
import type { PartitionLog } from '@weir/log';
import { encodeLabels, type Label } from '@weir/model';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { AcceptedWrite, RemoteWrite1Scan, snappyUncompress, type WriteRules } from '@weir/wire';
import { compressSync } from 'snappy';

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

/** About 233 bytes of labels in ten labels, as an instrumented service behind Kubernetes sends them. */
function labelsOfSeries(index: number): Label[] {
  const instance = Math.floor(index / 100);
  return Object.entries({
    __name__: `http_server_request_duration_seconds_${index % 31}`,
    cluster: 'production-eu-west-1',
    container: 'api',
    endpoint: `/api/v1/resource/${index % 100}`,
    instance: `10.${instance % 255}.${index % 7}.17:9090`,
    job: 'monitoring/api-server',
    method: index % 2 === 0 ? 'GET' : 'POST',
    namespace: 'monitoring',
    pod: `api-server-7d9f8b6c5d-${(instance * 7919).toString(36)}`,
    status_code: String(200 + (index % 5)),
  }).map(([name, value]) => ({ name, value }));
}

function makeBody(first: number): Buffer {
  const parts: Uint8Array[] = [];
  for (let index = first; index < first + SERIES; index++) {
    const labels = encodeLabels(labelsOfSeries(index));
    const sample = Buffer.alloc(18);
    sample.set([0x12, 16, 0x09]);
    sample.writeDoubleLE(index % 3 === 0 ? index : random.next() * 1000, 3);
    sample.set([0x10, 0x80, 0xe8, 0x92, 0xbc, 0xbc, 0x31], 11);
    const size = labels.length + sample.length;
    parts.push(Uint8Array.of(0x0a, (size & 127) | 128, size >>> 7), labels, sample);
  }
  return Buffer.concat(parts);
}

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

const raw = Array.from({ length: BODIES }, (_, index) => makeBody(index * SERIES));
const compressed = raw.map((body) => compressSync(body));
const first = encodeLabels(labelsOfSeries(0)).length;
console.log(
  `${SERIES} series a body, ${raw[0]!.length} bytes, ${compressed[0]!.length} compressed, ${first} label bytes`,
);

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
await measure('push: decompress, scan, slice', async (index) => {
  const answer = await distributor.push({
    tenant: 'bench',
    contentType: 'application/x-protobuf',
    contentEncoding: 'snappy',
    retryAttempt: undefined,
    body: compressed[index]!,
  });
  if (answer.status !== 200) throw new Error(answer.body);
});
