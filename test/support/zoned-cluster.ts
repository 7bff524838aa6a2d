// A Weir of separate processes as it runs in production: ingesters in zones, distributors and queriers behind a
// load balancer that is told before one of them goes. Ingesters beyond the first ones are made, not started.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, WeirProcess } from './weir-process.ts';

const READY_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 90_000;

export interface ZonedClusterOptions {
  readonly brokers: string;
  readonly topic: string;
  readonly partitions: number;
  readonly zones: readonly string[];
  /** Ingesters that a zone may have, and that it begins with. */
  readonly pods: number;
  readonly podsAtFirst: number;
  readonly flags: readonly string[];
}

export interface Pod {
  readonly id: string;
  readonly zone: string;
  readonly directory: string;
  readonly process: WeirProcess;
}

/** Requests go to each in turn of those that are in; one is taken out before it stops. */
export class Balancer {
  readonly #all: readonly WeirProcess[];
  readonly #out = new Set<WeirProcess>();
  #turn = 0;

  constructor(all: readonly WeirProcess[]) {
    this.#all = all;
  }

  base(): string {
    const inside = this.#all.filter((one) => !this.#out.has(one));
    return inside[this.#turn++ % inside.length]!.base;
  }

  /** Restarts all, one after the other. */
  async roll(): Promise<void> {
    for (const one of this.#all) {
      this.#out.add(one);
      const code = await one.stop();
      if (code !== 0) throw new Error(`ended with ${code}: ${one.output}`);
      await one.start(READY_WITHIN_MS);
      this.#out.delete(one);
    }
  }
}

export interface ZonedCluster {
  readonly zones: ReadonlyMap<string, readonly Pod[]>;
  readonly distributors: Balancer;
  readonly queriers: Balancer;
  readonly all: readonly WeirProcess[];
  startPods(pods: readonly Pod[]): Promise<void>;
  stop(): Promise<void>;
}

/** A process that does not end is killed, and told of. */
async function stopInTime(process: WeirProcess): Promise<void> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void process.kill();
  }, STOP_WITHIN_MS);
  await process.stop();
  clearTimeout(timer);
  if (late) throw new Error(`did not stop in time: ${process.base} ${process.output}`);
}

export async function startZonedCluster(options: ZonedClusterOptions): Promise<ZonedCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-zones-'));
  const make = async (target: string, id: string, more: readonly string[] = []) =>
    new WeirProcess({
      port: await freePort(),
      flags: [
        ...[`-target=${target}`, `-data-dir=${join(directory, id)}`],
        `-ingester.ring.instance-id=${id}`,
        `-ingest-storage.kafka.address=${options.brokers}`,
        `-ingest-storage.kafka.topic=${options.topic}`,
        `-ingest-storage.kafka.auto-create-topic-default-partitions=${options.partitions}`,
        '-blocks-storage.backend=filesystem',
        `-blocks-storage.filesystem.dir=${join(directory, 'bucket')}`,
        ...options.flags,
        ...more,
      ],
    });
  const two = (target: string) => Promise.all([0, 1].map((at) => make(target, `${target}-${at}`)));
  const [distributors, queriers] = [await two('distributor'), await two('querier')];
  const zones = new Map<string, Pod[]>();
  for (const zone of options.zones) {
    const pods: Pod[] = [];
    for (let ordinal = 0; ordinal < options.pods; ordinal++) {
      const id = `ingester-${zone}-${ordinal}`;
      const flags = [`-ingester.ring.instance-availability-zone=${zone}`];
      const process = await make('ingester', id, flags);
      pods.push({ id, zone, directory: join(directory, id), process });
    }
    zones.set(zone, pods);
  }
  const pods = [...zones.values()].flat();
  const all = [...distributors, ...queriers, ...pods.map(({ process }) => process)];
  const startAll = async (processes: readonly WeirProcess[]) => {
    for (const one of processes) one.spawn();
    await Promise.all(processes.map((one) => one.ready(READY_WITHIN_MS)));
  };
  const stop = async () => {
    await Promise.all(all.map(stopInTime));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await distributors[0]!.start(READY_WITHIN_MS); // creates the topics
    const first = [...zones.values()].flatMap((of) => of.slice(0, options.podsAtFirst));
    const rest = [...distributors.slice(1), ...queriers, ...first.map(({ process }) => process)];
    await startAll(rest);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ zones, all, stop },
    distributors: new Balancer(distributors),
    queriers: new Balancer(queriers),
    startPods: (some) => startAll(some.map(({ process }) => process)),
  };
}
