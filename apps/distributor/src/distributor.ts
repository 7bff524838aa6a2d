// The stateless front of the write path: negotiate, decompress, scan, validate, limit, group by
// partition, log. A push answers 2xx only after the log has acknowledged all its records (invariant 1);
// where a partial write is answered with 400, what was stored is logged as well.
//
// It keeps nothing between pushes but rate buckets and scratch memory. It doesn't retry: the sender does.
import { hashBytes, utf8 } from '@weir/bytes';
import { createRouter } from '@weir/cluster';
import { toWeirError, WeirError } from '@weir/errors';
import type { Limits, TenantLimits } from '@weir/limits';
import type { PartitionLog, ProduceRecord } from '@weir/log';
import type { Clock, Random } from '@weir/runtime';
import { parseTraceparent, type Telemetry } from '@weir/telemetry';
import {
  KERNEL_BODY_MAX_BYTES,
  snappyUncompress,
  snappyUncompressedSize,
  type WriteRules,
} from '@weir/wire';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createBackPressure } from './back-pressure.ts';
import type { DistributorSettings } from './distributor-flags.ts';
import { createInflight, type InflightShare } from './inflight.ts';
import { createInfluxReceiver, type InfluxReceiver } from './influx/influx-receiver.ts';
import { registerInfluxRoutes } from './influx/influx-routes.ts';
import { followInstanceLimits, instanceLimitsGauge } from './instance-limits.ts';
import type { InstanceLimits } from './instance-limits-flags.ts';
import { checkMessageSize } from './message-size.ts';
import { negotiate, type RemoteWriteVersion, versionAsked } from './negotiation.ts';
import { type OtlpGrpcServer, openOtlpGrpc } from './otlp/otlp-grpc.ts';
import { createOtlpReceiver, type OtlpReceiver } from './otlp/otlp-receiver.ts';
import { registerOtlpRoutes } from './otlp/otlp-routes.ts';
import type { ProtocolPush, ScanStart, StoredPush } from './protocol-push.ts';
import {
  deduplicatedAnswer,
  errorAnswer,
  NOTHING_WRITTEN,
  type PushAnswer,
  partialAnswer,
  successAnswer,
} from './push-answer.ts';
import { BodyMemory } from './push-body.ts';
import { createPushMetrics, loggedCounts } from './push-metrics.ts';
import { createPushRates } from './push-rates.ts';
import type { PushRequest } from './push-request.ts';
import { registerPushRoutes } from './push-routes.ts';
import { type PushScratch, PushScratches } from './push-scratch.ts';
import { freshBuffers, type RecordBuffers, RecordBuilder } from './record-builder.ts';
import { relabelOf } from './relabelling.ts';
import { createReplicaFilter } from './replicas/replica-filter.ts';
import { createReplicaTracker, type ReplicaTrackerParts } from './replicas/replica-tracker.ts';

/** Scanned before other work of the event loop gets a turn: about two milliseconds. */
const SCAN_SLICE_BYTES = 1 << 20;
/** What 2.0's symbols may expand to, as a multiple of the largest push. */
const REWRITTEN_FACTOR = 2;
const NO_DELAYS: ReadonlyMap<number, number> = new Map();

export interface DistributorParts {
  readonly log: PartitionLog;
  readonly routing: {
    /** The partitions that are written now; the same array as long as they don't change. */
    active(): readonly number[];
    /** How long what is logged now will wait to be applied, ms, where it will. */
    delays?(): ReadonlyMap<number, number>;
    /** Distributors that tenants' rates are divided among; one by default. */
    distributors?(): number;
  };
  readonly limits: Limits;
  /** Those that hold now, where they are not those of the settings. */
  readonly instanceLimits?: () => InstanceLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** The tenant of a request; throws `unauthenticated`. */
  readonly tenantOf: (request: Pick<FastifyRequest, 'headers'>) => string;
  /** Where replicas of tenants are elected; needed with -distributor.ha-tracker.enable. */
  readonly cluster?: ReplicaTrackerParts['cluster'];
  /** Where record values come from; fresh buffers by default. */
  readonly buffers?: RecordBuffers;
  /**
   * Called with the last offset per partition once all is logged; the answer waits for it. In one
   * process it waits for the apply, so that a client reads its own writes.
   */
  readonly afterLogged?: (offsets: ReadonlyMap<number, number>) => Promise<void>;
}

export interface Distributor {
  /** Never rejects: whatever happens becomes an answer. */
  push(request: PushRequest): Promise<PushAnswer>;
  /** Registers POST /api/v1/push, /otlp/v1/metrics and, where enabled, Influx's write paths. */
  routes(server: FastifyInstance): void;
  /** Takes OTLP requests, as POST /otlp/v1/metrics does. */
  readonly otlp: OtlpReceiver;
  /** Takes line protocol, as Influx's write paths do. */
  readonly influx: InfluxReceiver;
  /** Opens what doesn't listen at the HTTP server: OTLP over gRPC, where it has a port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Where OTLP over gRPC listens; 0 where it doesn't. */
  readonly grpcPort: number;
}

export function createDistributor(
  settings: DistributorSettings,
  parts: DistributorParts,
): Distributor {
  const metrics = createPushMetrics(parts.telemetry);
  const instanceLimits = followInstanceLimits(parts.instanceLimits ?? (() => settings));
  instanceLimitsGauge(parts.telemetry, instanceLimits);
  const rates = createPushRates(instanceLimits, {
    ...{ clock: parts.clock, metrics },
    distributors: () => parts.routing.distributors?.() ?? 1,
  });
  const inflight = createInflight(instanceLimits, metrics, parts.clock, rates.admit);
  const scratches = new PushScratches(settings.recvMessageBytesMax * REWRITTEN_FACTOR);
  const router = createRouter();
  const builder = new RecordBuilder(
    { sizeBytesMax: parts.log.recordSizeMaxBytes, version: settings.recordVersion },
    parts.buffers ?? freshBuffers,
  );
  const pressure = createBackPressure(settings, {
    ...{ clock: parts.clock, metrics },
    delays: () => parts.routing.delays?.() ?? NO_DELAYS,
  });

  const { cluster } = parts;
  const tracker =
    settings.haTrackerEnabled && cluster !== undefined
      ? createReplicaTracker({ ...parts, cluster })
      : undefined;
  const replicas = tracker && createReplicaFilter({ ...parts, tracker });

  async function push(request: PushRequest): Promise<PushAnswer> {
    let version = versionAsked(request.contentType);
    let share: InflightShare | undefined;
    try {
      share = inflight.enter(request.tenant);
      version = negotiate(request.contentType, request.contentEncoding);
      return await handle(request, version, share);
    } catch (error) {
      const failure = toWeirError(error);
      if (failure.status >= 500) {
        parts.telemetry.log.warn({ err: failure, tenant: request.tenant }, 'push failed');
      }
      const { random } = parts;
      return errorAnswer(version, failure, {
        settings,
        random,
        retryAttempt: request.retryAttempt,
      });
    } finally {
      share?.release();
    }
  }

  function refuse(
    error: unknown,
    retryAttempt: string | undefined,
    version: RemoteWriteVersion,
  ): PushAnswer {
    return errorAnswer(version, error, { settings, random: parts.random, retryAttempt });
  }

  async function handle(
    request: PushRequest,
    version: RemoteWriteVersion,
    share: InflightShare,
  ): Promise<PushAnswer> {
    share.add(request.body.length);
    const size = uncompressedSize(request.body);
    // Twice: the body and the records made of it.
    share.add(2 * size);
    const built = await store({
      ...{ tenant: request.tenant, protocol: `${version}.0`, share },
      traceparent: request.traceparent,
      rules: skippedRules(request, settings),
      body: ({ kernel }) =>
        size <= KERNEL_BODY_MAX_BYTES
          ? kernel.uncompress(request.body, version === 2)
          : snappyUncompress(request.body),
      begin: (scratch, start) => beginRemoteWrite(version, scratch, start),
    });
    if (built.deduplicated !== undefined) return deduplicatedAnswer(version, built.deduplicated);
    if (built.refusal !== undefined) return partialAnswer(version, built.written, built.refusal);
    return successAnswer(version, built.written);
  }

  /** Scans and logs a push of any protocol. */
  async function store(push: ProtocolPush): Promise<BuiltPush> {
    rates.enter(push.tenant, parts.limits.forTenant(push.tenant));
    const scratch = scratches.take();
    let built: BuiltPush;
    try {
      built = await scan(push, { body: push.body(scratch), scratch });
    } finally {
      scratches.giveBack(scratch);
    }
    pressure.admit(push.tenant, built.records);
    await produce(built.records);
    built.countLogged();
    return built;
  }

  function uncompressedSize(body: Uint8Array): number {
    checkMessageSize(body.length, 'compressed', settings.recvMessageBytesMax);
    const size = snappyUncompressedSize(body);
    checkMessageSize(size, 'uncompressed', settings.recvMessageBytesMax);
    return size;
  }

  async function scan(push: ProtocolPush, { body, scratch }: DecodedPush): Promise<BuiltPush> {
    const { tenant, protocol, share, begin } = push;
    const { accepted } = scratch;
    const limits = parts.limits.forTenant(tenant);
    const relabel = relabelOf(tenant, limits);
    const rules = { ...rulesOf(limits, parts.clock.nowMs()), relabel, ...push.rules };
    const key = utf8(tenant);
    const start = { body, seed: hashBytes(key, 0, key.length), rules, limits };
    const judged = limits.haEnabled ? await replicas?.judge(push, scratch, start) : undefined;
    const run = begin(scratch, { ...start, rules: { ...rules, ...judged?.rules } });
    let writtenBytes = 0;
    while (!run(SCAN_SLICE_BYTES)) {
      share.add(accepted.writtenBytes - writtenBytes);
      writtenBytes = accepted.writtenBytes;
      await parts.clock.yield();
    }
    metrics.received(tenant, protocol, accepted);
    rates.received(accepted.samplesIn + accepted.histogramsIn);
    const deduplicated = judged?.settle(accepted);
    if (deduplicated !== undefined) return { ...NOTHING_STORED, deduplicated };
    const slots = router.tableFor(tenant, limits.shardSize, parts.routing.active());
    if (slots.isEmpty && accepted.count > 0) {
      metrics.discarded(tenant, accepted);
      throw new WeirError('unavailable', 'no partition is active: nothing can be written now');
    }
    const traceparent = parseTraceparent(push.traceparent) && push.traceparent;
    const { kernel } = scratch;
    const records = builder.build({ body, kernel, accepted, slots, key, traceparent });
    metrics.discarded(tenant, accepted);
    const { samplesOk, histogramsOk, exemplarsOk, metadataOk } = accepted;
    const items = samplesOk + histogramsOk + exemplarsOk + metadataOk;
    try {
      rates.take(tenant, limits, items);
    } catch (error) {
      metrics.rateLimited(tenant, accepted);
      throw error;
    }
    const counts = loggedCounts(accepted);
    return {
      records,
      written: { samples: samplesOk, histograms: histogramsOk, exemplars: exemplarsOk },
      refusal: accepted.firstRejection?.message,
      deduplicated: undefined,
      withdrawn: accepted.withdrawn,
      countLogged: () => metrics.logged(tenant, counts),
    };
  }

  async function produce(records: readonly ProduceRecord[]): Promise<void> {
    if (records.length === 0) return;
    let offsets: number[];
    try {
      offsets = await parts.log.produce(records);
    } catch (error) {
      throw logFailure(error);
    }
    if (parts.afterLogged === undefined) return;
    const last = new Map<number, number>();
    for (const [index, record] of records.entries()) {
      last.set(record.partition, Math.max(last.get(record.partition) ?? -1, offsets[index]!));
    }
    await parts.afterLogged(last);
  }

  const { tenantOf } = parts;
  const bodyBytesMax = settings.recvMessageBytesMax;
  let grpc: OtlpGrpcServer | undefined;
  const bodies = new BodyMemory();
  const influx = createInfluxReceiver(settings, { ...parts, inflight, store, metrics });
  const otlp = createOtlpReceiver(settings, { ...parts, inflight, store, metrics });
  return {
    push,
    routes(server) {
      registerPushRoutes(server, { push, refuse, tenantOf, bodyBytesMax, inflight, bodies });
      registerOtlpRoutes(server, { receiver: otlp, settings, tenantOf, inflight, bodies });
      registerInfluxRoutes(server, { receiver: influx, settings, tenantOf, inflight, bodies });
    },
    otlp,
    influx,
    async start() {
      tracker?.start();
      const { otlpGrpcPort: port, otlpGrpcAddress: address } = settings;
      if (port === 0) return;
      const requestBytesMax = settings.otlpRequestBytesMax;
      grpc = await openOtlpGrpc(
        { address, port, requestBytesMax },
        {
          ...{ receiver: otlp, inflight, clock: parts.clock },
          tenantOf: (tenant) => tenantOf({ headers: { 'x-scope-orgid': tenant } }),
        },
      );
    },
    async stop() {
      tracker?.stop();
      await grpc?.close();
    },
    get grpcPort() {
      return grpc?.port ?? 0;
    },
  };
}

interface DecodedPush {
  readonly body: Uint8Array;
  readonly scratch: PushScratch;
}

interface BuiltPush extends StoredPush {
  readonly records: readonly ProduceRecord[];
  readonly countLogged: () => void;
}

const NOTHING_STORED = {
  ...{ records: [], written: NOTHING_WRITTEN, refusal: undefined, withdrawn: 0 },
  countLogged: () => {},
};

function beginRemoteWrite(
  version: RemoteWriteVersion,
  { remoteWrite1, remoteWrite2, kernel, accepted }: PushScratch,
  { body, seed, rules }: ScanStart,
): (budgetBytes: number) => boolean {
  const scanner = version === 1 ? remoteWrite1 : remoteWrite2;
  scanner.start(body, body.length, seed, kernel);
  return (budgetBytes) => scanner.run(budgetBytes, rules, accepted);
}

/** More than any series has that a head takes. */
const ANY_LABELS = 1 << 20;

function skippedRules(
  { skipLabelNames, skipLabelCount }: PushRequest,
  { skipLabelNamesEnabled, skipLabelCountEnabled }: DistributorSettings,
): Partial<WriteRules> {
  const isUncounted = skipLabelCount === true && skipLabelCountEnabled;
  return {
    ...(skipLabelNames === true && skipLabelNamesEnabled && { legacyNames: false }),
    ...(isUncounted && { labelNamesMax: ANY_LABELS, labelNamesInfoMax: ANY_LABELS }),
  };
}

function rulesOf(limits: TenantLimits, nowMs: number): WriteRules {
  const past = limits.pastGraceMs + limits.outOfOrderWindowMs;
  const strategy = limits.labelValueStrategy;
  return {
    labelNameBytesMax: limits.labelNameBytesMax,
    labelValueBytesMax: limits.labelValueBytesMax,
    labelNamesMax: limits.labelNamesMax,
    labelNamesInfoMax: limits.labelNamesInfoMax,
    timestampMaxMs: nowMs + limits.creationGraceMs,
    timestampMinMs: limits.pastGraceMs > 0 ? nowMs - past : Number.NEGATIVE_INFINITY,
    legacyNames: limits.nameValidationScheme === 'legacy',
    metadataBytesMax: limits.metadataBytesMax,
    histogramsEnabled: limits.histogramsEnabled,
    histogramBucketsMax: limits.histogramBucketsMax,
    histogramsReduced: limits.histogramsReduced,
    exemplarsEnabled: limits.exemplarsMax > 0,
    exemplarsPerSeriesMax: limits.exemplarsPerSeriesMax,
    ...(strategy !== 'error' && { longValues: strategy === 'drop' ? 'hashed' : 'truncated' }),
  };
}

/** A full or broken log is never the client's fault, and says why it can't be written. */
function logFailure(error: unknown): WeirError {
  const cause = toWeirError(error);
  const message = `send data to partitions: ${cause.message}`;
  const status = cause.kind === 'invalid' ? 400 : cause.kind === 'internal' ? 500 : 503;
  return new WeirError(cause.kind, message, { status, cause });
}
