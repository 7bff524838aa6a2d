// A distributor over a recording log, and pushes for it, for tests: bodies are made by another encoder than
// ours.
import type { Cluster } from '@weir/cluster';
import { defaultsOf } from '@weir/config';
import { createLimits, limitsFlags, type TenantLimits } from '@weir/limits';
import type { PartitionLog, ProduceRecord } from '@weir/log';
import { type Clock, seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import protobuf from 'protobufjs';
import { compressSync } from 'snappy';
import { createDistributor, type DistributorParts } from './distributor.ts';
import { type DistributorSettings, distributorFlags } from './distributor-flags.ts';
import type { PushRequest } from './push-request.ts';

const schema = protobuf.loadSync(new URL('../../../proto/write.proto', import.meta.url).pathname);
export const WriteRequest = schema.lookupType('weir.write.WriteRequest');
const Request = schema.lookupType('weir.write.Request');
export const NOW = 1_700_000_000_000;
export const VERSION_2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';

export interface Setup {
  settings?: Partial<DistributorSettings>;
  limits?: Partial<TenantLimits>;
  active?: readonly number[];
  /** How long what is logged now will wait, ms, by partition. */
  delays?: ReadonlyMap<number, number>;
  produce?: PartitionLog['produce'];
  recordSizeMaxBytes?: number;
  cluster?: Cluster;
  instanceLimits?: NonNullable<DistributorParts['instanceLimits']>;
  afterLogged?: NonNullable<DistributorParts['afterLogged']>;
}

export function setUp(setup: Setup = {}) {
  const produced: ProduceRecord[] = [];
  let nowMs = NOW;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs, steadyMs: () => nowMs };
  const produce = async (records: readonly ProduceRecord[]) => {
    if (setup.produce) await setup.produce(records);
    produced.push(...records);
    return records.map((_, index) => produced.length - records.length + index);
  };
  const log = {
    recordSizeMaxBytes: setup.recordSizeMaxBytes ?? 1 << 20,
    produce,
  } as Partial<PartitionLog>;
  const telemetry = silentTelemetry();
  const distributor = createDistributor(
    { ...defaultsOf(distributorFlags), ...setup.settings },
    {
      log: log as PartitionLog,
      routing: {
        active: () => setup.active ?? [0, 1, 2, 3],
        delays: () => setup.delays ?? new Map(),
      },
      limits: createLimits({ ...defaultsOf(limitsFlags), ...setup.limits }),
      clock,
      random: seededRandom(1),
      telemetry,
      tenantOf: () => 'tenant',
      ...(setup.instanceLimits ? { instanceLimits: setup.instanceLimits } : {}),
      ...(setup.cluster ? { cluster: setup.cluster } : {}),
      ...(setup.afterLogged ? { afterLogged: setup.afterLogged } : {}),
    },
  );
  const push = (
    body: Uint8Array,
    headers: Partial<Record<'contentType' | 'contentEncoding' | 'retryAttempt', string>> &
      Pick<PushRequest, 'skipLabelNames' | 'skipLabelCount'> = {},
  ) =>
    distributor.push({
      tenant: 'tenant',
      contentType: headers.contentType ?? 'application/x-protobuf',
      contentEncoding: headers.contentEncoding ?? 'snappy',
      retryAttempt: headers.retryAttempt,
      skipLabelNames: headers.skipLabelNames === true,
      skipLabelCount: headers.skipLabelCount === true,
      body,
    });
  const metric = async (name: string) =>
    (await telemetry.metrics.getSingleMetric(name)!.get()).values;
  return {
    distributor,
    push,
    produced,
    metric,
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

export const bytes = (value: string | Uint8Array) => Buffer.from(value as string);
export const series = (name: string, index: number, timestamps = [NOW]) => ({
  labels: [
    { name: bytes('__name__'), value: bytes(name) },
    { name: bytes('index'), value: bytes(String(index)) },
  ],
  samples: timestamps.map((timestamp) => ({ value: index, timestamp })),
});
export const body1 = (timeseries: object[], metadata: object[] = []) =>
  compressSync(Buffer.from(WriteRequest.encode({ timeseries, metadata }).finish()));
export const body2 = (symbols: readonly (string | Uint8Array)[], timeseries: object[]) =>
  compressSync(Buffer.from(Request.encode({ symbols: symbols.map(bytes), timeseries }).finish()));
export const many = (count: number) =>
  Array.from({ length: count }, (_, index) => series('m', index));

export function decode(produced: readonly ProduceRecord[]) {
  return produced.flatMap((record) => {
    const decoded = WriteRequest.toObject(WriteRequest.decode(Buffer.from(record.value)), {
      longs: Number,
    });
    return (decoded.timeseries ?? []) as ReturnType<typeof series>[];
  });
}
