// A Weir cluster of separate processes over Kafka and S3 (or a shared folder), as an operator runs it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, WeirProcess } from './weir-process.ts';

export interface ClusterOptions {
  readonly brokers: string;
  readonly partitions: number;
  readonly distributors: number;
  readonly ingesters: number;
  readonly queriers: number;
  readonly flags?: readonly string[];
}

export interface WeirCluster {
  readonly directory: string;
  readonly distributors: readonly WeirProcess[];
  readonly ingesters: readonly WeirProcess[];
  readonly queriers: readonly WeirProcess[];
  readonly all: readonly WeirProcess[];
  stop(): Promise<void>;
}

/** Starts the processes and waits until each one is ready. Every process has a data folder of its own. */
export async function startCluster(options: ClusterOptions): Promise<WeirCluster> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-cluster-'));
  const topic = `weir-${process.pid}-${Math.floor(performance.now())}`;
  const make = async (target: string, ordinal: number): Promise<WeirProcess> =>
    new WeirProcess({
      port: await freePort(),
      flags: [
        `-target=${target}`,
        `-data-dir=${join(directory, `${target}-${ordinal}`)}`,
        `-ingester.ring.instance-id=${target}-${ordinal}`,
        `-ingest-storage.kafka.address=${options.brokers}`,
        `-ingest-storage.kafka.topic=${topic}`,
        `-ingest-storage.kafka.auto-create-topic-default-partitions=${options.partitions}`,
        '-blocks-storage.backend=filesystem',
        `-blocks-storage.filesystem.dir=${join(directory, 'bucket')}`,
        ...(options.flags ?? []),
      ],
    });
  const many = (target: string, count: number) =>
    Promise.all(Array.from({ length: count }, (_, ordinal) => make(target, ordinal)));
  const distributors = await many('distributor', options.distributors);
  const ingesters = await many('ingester', options.ingesters);
  const queriers = await many('querier', options.queriers);
  const all = [...distributors, ...ingesters, ...queriers];
  const stop = async () => {
    await Promise.all(all.map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await distributors[0]?.start(60_000); // creates the topics
    for (const node of all.slice(1)) node.spawn();
    await Promise.all(all.map((node) => node.ready(60_000)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { directory, distributors, ingesters, queriers, all, stop };
}
