// What the adaptive linger of the Kafka log costs and gives: a distributor in this process on a real broker in another,
// pushes at a steady rate from many small senders and from few large ones, without linger and with the default in turn.
// Prints CPU of the distributor and of the broker a sample, latency of pushes, and how many records they became.
//
//   npm run bench -- linger [SECONDS] [ROUNDS]
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultsOf } from '@weir/config';
import { createDistributor, type Distributor, distributorFlags } from '@weir/distributor';
import { createLimits, limitsFlags } from '@weir/limits';
import type { PartitionLog } from '@weir/log';
import { kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { compressSync } from 'snappy';
import { startKafkaProcess } from './kafka-process.ts';
import { remoteWrite1Body } from './push-bodies.ts';

const SECONDS = Number(process.argv[2] ?? 5);
const ROUNDS = Number(process.argv[3] ?? 2);
const WARM_SECONDS = 2;
const TICK_MS = 5;
const TICKS_PER_SECOND = 100;
const LINGERS_MS = [0, defaultsOf(kafkaFlags).lingerMs];

interface Load {
  readonly name: string;
  /** Series of each. */
  readonly series: number;
  readonly pushesPerSecond: number;
  readonly partitions: number;
}

const LOADS: readonly Load[] = [
  { name: '1,000 small pushes/s', series: 20, pushesPerSecond: 1000, partitions: 4 },
  { name: '200 pushes/s, 32 partitions', series: 200, pushesPerSecond: 200, partitions: 32 },
  { name: '40 large pushes/s', series: 2000, pushesPerSecond: 40, partitions: 4 },
];

interface Figures {
  readonly cpuUs: number;
  readonly brokerUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly recordsPerPush: number;
}

/** CPU of a process and of all below it, s. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  const own = (Number(user) + Number(system)) / TICKS_PER_SECOND;
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.reduce((sum, child) => sum + cpuSecondsOf(Number(child)), own);
}

async function open(brokers: string, lingerMs: number, partitions: number) {
  const log = await openKafkaLog(
    {
      ...defaultsOf(kafkaFlags),
      ...{ address: [brokers], lingerMs, topic: `bench-${partitions}` },
      autoCreateTopicDefaultPartitions: partitions,
    },
    { clock: systemClock },
  );
  const active = Array.from({ length: partitions }, (_, partition) => partition);
  const distributor = createDistributor(defaultsOf(distributorFlags), {
    ...{ log, clock: systemClock, random: seededRandom(7), telemetry: silentTelemetry() },
    routing: { active: () => active },
    limits: createLimits(defaultsOf(limitsFlags)),
    tenantOf: () => 'bench',
  });
  return { log, distributor, active };
}

async function pushOnce(distributor: Distributor, body: Buffer): Promise<number> {
  const start = performance.now();
  const { status, body: text } = await distributor.push({
    ...{ tenant: 'bench', contentType: 'application/x-protobuf', contentEncoding: 'snappy' },
    ...{ retryAttempt: undefined, body },
  });
  if (status !== 200) throw new Error(text);
  return performance.now() - start;
}

/** Pushes at the load's rate, whatever is still under way; returns their latencies. */
async function drive(distributor: Distributor, bodies: readonly Buffer[], rate: number, s: number) {
  const pushes: Promise<number>[] = [];
  const start = performance.now();
  for (let sent = 0; sent < rate * s; ) {
    const due = Math.min(rate * s, ((performance.now() - start) / 1000) * rate);
    while (sent < due) {
      pushes.push(pushOnce(distributor, bodies[sent++ % bodies.length]!));
      // As requests of different connections come, in turns of their own.
      await systemClock.yield();
    }
    await sleep(TICK_MS);
  }
  return Promise.all(pushes);
}

async function logged(log: PartitionLog, partitions: readonly number[]): Promise<number> {
  return (await log.endOffsets(partitions)).reduce((sum, offset) => sum + offset, 0);
}

async function measure(load: Load, lingerMs: number, kafka: Kafka): Promise<Figures> {
  const { log, distributor, active } = await open(kafka.brokers, lingerMs, load.partitions);
  const { series, pushesPerSecond: rate } = load;
  const bodies = Array.from({ length: 50 }, (_, at) =>
    compressSync(remoteWrite1Body(at * series, series)),
  );
  await drive(distributor, bodies, rate, WARM_SECONDS);
  const before = await logged(log, active);
  const cpu = process.cpuUsage();
  const broker = cpuSecondsOf(kafka.pid);
  const latencies = (await drive(distributor, bodies, rate, SECONDS)).sort((a, b) => a - b);
  const { user, system } = process.cpuUsage(cpu);
  const brokerSeconds = cpuSecondsOf(kafka.pid) - broker;
  const records = (await logged(log, active)) - before;
  await log.close();
  const samples = latencies.length * series;
  return {
    cpuUs: (user + system) / samples,
    brokerUs: (brokerSeconds * 1e6) / samples,
    p50Ms: latencies[latencies.length >> 1]!,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
    recordsPerPush: records / latencies.length,
  };
}

type Kafka = Awaited<ReturnType<typeof startKafkaProcess>>;

const kafka = await startKafkaProcess();
try {
  for (const load of LOADS) {
    for (let round = 0; round < ROUNDS; round++) {
      for (const lingerMs of LINGERS_MS) {
        const { cpuUs, brokerUs, p50Ms, p99Ms, recordsPerPush } = await measure(
          load,
          lingerMs,
          kafka,
        );
        const what = `${load.name}, linger ${lingerMs} ms`;
        console.log(
          `${what.padEnd(44)} ${cpuUs.toFixed(2)} µs CPU a sample, broker ${brokerUs.toFixed(2)}, ` +
            `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${recordsPerPush.toFixed(2)} records a push`,
        );
      }
    }
  }
} finally {
  await kafka.stop();
}
