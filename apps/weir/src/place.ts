// Where this process runs: paths below the data directory, threads, and the address others reach it at.
import { join, resolve } from 'node:path';
import type { BucketSettings } from '@weir/bucket';
import type { Configuration } from './configuration.ts';

export interface Host {
  readonly name: string;
  readonly processors: number;
}

export interface Place {
  readonly dataDir: string;
  readonly logDir: string;
  readonly hostName: string;
  readonly embeddedPartitions: number;
  readonly partitionWorkers: number;
  readonly queryWorkers: number;
}

const EMBEDDED_PARTITIONS_MAX = 4;
/** By default, also where there are two processors: partitions come up side by side. */
const PARTITION_WORKERS_MIN = 2;

export function placeOf({ weir }: Pick<Configuration, 'weir'>, host: Host): Place {
  const dataDir = resolve(weir.dataDir);
  const { processors } = host;
  return {
    dataDir,
    logDir: join(dataDir, 'log'),
    hostName: host.name,
    embeddedPartitions: weir.embeddedPartitions || Math.min(EMBEDDED_PARTITIONS_MAX, processors),
    partitionWorkers: weir.partitionWorkers || Math.max(PARTITION_WORKERS_MIN, processors - 1),
    queryWorkers: Math.max(1, weir.queryWorkers),
  };
}

/** host:port for other processes; a listen address that means "all" is replaced by the host name. */
export function advertisedAddress(
  { weir, server }: Pick<Configuration, 'weir' | 'server'>,
  host: Host,
  port: number,
): string {
  const all = server.address === '' || server.address === '0.0.0.0';
  return `${weir.advertiseAddress || (all ? host.name : server.address)}:${port}`;
}

/** A relative directory of the filesystem bucket lies below the data directory. */
export function bucketSettings(
  { bucket }: Pick<Configuration, 'bucket'>,
  place: Place,
): BucketSettings {
  const filesystemDir = resolve(place.dataDir, bucket.filesystemDir);
  return Object.freeze({ ...bucket, filesystemDir });
}
