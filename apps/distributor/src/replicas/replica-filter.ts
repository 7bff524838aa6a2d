// Deduplication of what replicas push: which of a push's series are stored. As in Mimir the labels of the first
// series judge all of a push, unless the tenant has each series judged by its own. Who sent is found by a scan
// before the real one: up to the first series, or of the whole push.
//
// A push that isn't listened to is counted and answered with 202: its sender must not send it again.
import { utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { TenantLimits } from '@weir/limits';
import type { Clock } from '@weir/runtime';
import { Counter, discardedSamplesCounter, type Telemetry } from '@weir/telemetry';
import { type AcceptedWrite, type SeriesRelabel, type WriteRules, withLimit } from '@weir/wire';
import type { ProtocolPush, ScanStart } from '../protocol-push.ts';
import type { PushScratch } from '../push-scratch.ts';
import { type ReplicaLabels, replicaLabels } from './replica-labels.ts';
import type { ReplicaTracker, ReplicaVerdict, Sender, SenderSamples } from './replica-tracker.ts';

const FIRST_SLICE_BYTES = 256;
const SLICE_MAX_BYTES = 1 << 20;
const TOO_MANY = 'tenant_too_many_ha_clusters';

export interface ReplicaFilterParts {
  readonly tracker: Pick<ReplicaTracker, 'judge'>;
  readonly clock: Pick<Clock, 'yield'>;
  readonly telemetry: Telemetry;
}

/** A tenant's limit and not bad data, which gRPC has another code for. */
export class TooManyClusters extends WeirError {
  constructor(message: string) {
    super('invalid', message);
  }
}

/** How a push is to be scanned, and what follows from the scan. */
export interface JudgedPush {
  readonly rules: Pick<WriteRules, 'dropped' | 'relabel'>;
  /** Counts; returns why nothing is stored, where that is so; throws `invalid` where it is refused. */
  settle(accepted: AcceptedWrite): string | undefined;
}

export interface ReplicaFilter {
  /** Leaves `scratch.accepted` empty. */
  judge(
    push: Pick<ProtocolPush, 'tenant' | 'begin'>,
    scratch: PushScratch,
    start: ScanStart,
  ): Promise<JudgedPush>;
}

interface Scan {
  readonly push: Pick<ProtocolPush, 'tenant' | 'begin'>;
  readonly scratch: PushScratch;
  readonly start: ScanStart;
  readonly labels: ReplicaLabels;
}

export function createReplicaFilter({
  tracker,
  clock,
  telemetry,
}: ReplicaFilterParts): ReplicaFilter {
  const metrics = createMetrics(telemetry);

  /** Shows labels to `see` until it has seen enough. */
  async function look({ push, scratch, start }: Scan, see: (labels: Labels) => boolean) {
    let enough = false;
    const relabel: SeriesRelabel = (labels) => {
      enough ||= see(labels);
      return undefined;
    };
    const run = push.begin(scratch, { ...start, rules: { ...start.rules, relabel } });
    let sliceBytes = FIRST_SLICE_BYTES;
    while (!run(sliceBytes) && !enough) {
      if (sliceBytes === SLICE_MAX_BYTES) await clock.yield();
      sliceBytes = Math.min(sliceBytes * 2, SLICE_MAX_BYTES);
    }
    scratch.accepted.clear();
  }

  /** Scans all that the sender has in the push. */
  function samplesOf(sender: Sender, { push, scratch, start, labels }: Scan): SenderSamples {
    const key = keyOf(sender);
    const relabel: SeriesRelabel = (seen) => {
      const one = labels.senderOf(seen);
      return one !== undefined && keyOf(one) === key ? [...seen] : undefined;
    };
    return async (timestampMs) => {
      const rules = { ...start.rules, relabel, timestampMinMs: timestampMs };
      const run = push.begin(scratch, { ...start, rules });
      while (!run(SLICE_MAX_BYTES)) await clock.yield();
      const found = scratch.accepted.discardedSamples.has('too_far_in_past');
      scratch.accepted.clear();
      return found;
    };
  }

  async function judgeByFirst(scan: Scan): Promise<JudgedPush> {
    const { push, start, labels } = scan;
    const { tenant } = push;
    const { relabel } = start.rules;
    let sender: Sender | undefined;
    await look(scan, (seen) => {
      sender = labels.senderOf(seen);
      return true;
    });
    if (sender === undefined) {
      const settle = (accepted: AcceptedWrite) => {
        metrics.other(tenant, samplesIn(accepted));
        return undefined;
      };
      return { rules: { relabel }, settle };
    }
    const { cluster, replica } = sender;
    const verdict = await tracker.judge(sender, start.limits, samplesOf(sender, scan));
    if (verdict.kind === 'accepted') {
      const dropped = utf8(start.limits.haReplicaLabel);
      return { rules: { dropped, relabel }, settle: () => undefined };
    }
    const settle = (accepted: AcceptedWrite) => {
      const samples = samplesIn(accepted);
      if (verdict.kind === 'too-many-clusters') {
        metrics.tooMany(tenant, samples);
        throw new TooManyClusters(tooManyClusters(start.limits));
      }
      metrics.deduplicated(tenant, cluster, samples);
      return didNotMatch(replica, verdict.elected);
    };
    // Only counted: by the plain path.
    return { rules: { relabel: undefined }, settle };
  }

  async function judgeEach(scan: Scan): Promise<JudgedPush> {
    const { push, start, labels } = scan;
    const senders = new Map<string, Sender>();
    await look(scan, (seen) => {
      const sender = labels.senderOf(seen);
      if (sender !== undefined) senders.set(keyOf(sender), sender);
      return false;
    });
    const verdicts = new Map<string, ReplicaVerdict>();
    for (const [key, sender] of senders) {
      verdicts.set(key, await tracker.judge(sender, start.limits, samplesOf(sender, scan)));
    }
    return filterEach(scan, push.tenant, verdicts);
  }

  function filterEach(
    { start, labels }: Scan,
    tenant: string,
    verdicts: ReadonlyMap<string, ReplicaVerdict>,
  ): JudgedPush {
    const { relabel } = start.rules;
    const without = chained(labels.withoutReplica, relabel);
    const counted = { taken: 0, other: 0, deduplicated: new Map<string, number>() };
    let reason: string | undefined;
    const filtered: SeriesRelabel = (seen, samples, out) => {
      const sender = labels.senderOf(seen);
      if (sender === undefined) {
        counted.other += samples;
        counted.taken++;
        return relabel === undefined ? [...seen] : relabel(seen, samples, out);
      }
      const verdict = verdicts.get(keyOf(sender))!;
      if (verdict.kind === 'accepted') {
        counted.taken++;
        return without(seen, samples, out);
      }
      if (verdict.kind === 'too-many-clusters') {
        counted.taken++;
        out.reject(TOO_MANY, samples, () => tooManyClusters(start.limits));
        return undefined;
      }
      reason ??= didNotMatch(sender.replica, verdict.elected);
      const before = counted.deduplicated.get(sender.cluster) ?? 0;
      counted.deduplicated.set(sender.cluster, before + samples);
      return undefined;
    };
    return {
      rules: { relabel: filtered },
      settle() {
        metrics.other(tenant, counted.other);
        for (const [cluster, samples] of counted.deduplicated) {
          metrics.deduplicated(tenant, cluster, samples);
        }
        return counted.taken === 0 ? reason : undefined;
      },
    };
  }

  return {
    judge(push, scratch, start) {
      const labels = replicaLabels(push.tenant, start.limits);
      const scan = { push, scratch, start, labels };
      return start.limits.haPerSample ? judgeEach(scan) : judgeByFirst(scan);
    },
  };
}

type Labels = Parameters<SeriesRelabel>[0];

function chained(
  first: ReplicaLabels['withoutReplica'],
  second: SeriesRelabel | undefined,
): SeriesRelabel {
  return (labels, samples, out) => {
    const kept = first(labels) ?? [];
    return second === undefined ? kept : second(kept, samples, out);
  };
}

function keyOf({ cluster, replica }: Sender): string {
  return JSON.stringify([cluster, replica]);
}

function samplesIn({ samplesIn, histogramsIn }: AcceptedWrite): number {
  return samplesIn + histogramsIn;
}

function didNotMatch(replica: string, elected: string): string {
  return `replicas did not match, rejecting sample: replica=${replica}, elected=${elected}`;
}

function tooManyClusters({ haClustersMax }: TenantLimits): string {
  return withLimit(
    `the write request has been rejected because the maximum number of high-availability (HA) clusters has been reached for this tenant (limit: ${haClustersMax})`,
    'tenant-too-many-ha-clusters',
    'distributor.ha-tracker.max-clusters',
  );
}

function createMetrics({ metrics }: Telemetry) {
  const registers = [metrics];
  const deduplicated = new Counter({
    name: 'cortex_distributor_deduped_samples_total',
    help: 'Samples that were left out because another replica is listened to.',
    labelNames: ['user', 'cluster'],
    registers,
  });
  const other = new Counter({
    name: 'cortex_distributor_non_ha_samples_received_total',
    help: 'Samples without the labels of a replica, of tenants that have replicas.',
    labelNames: ['user'],
    registers,
  });
  const discarded = discardedSamplesCounter(metrics);
  return {
    deduplicated: (user: string, cluster: string, samples: number) =>
      deduplicated.inc({ user, cluster }, samples),
    other: (user: string, samples: number) => other.inc({ user }, samples),
    tooMany: (user: string, samples: number) =>
      discarded.inc({ user, group: '', reason: TOO_MANY }, samples),
  };
}
