// The partitions of the log: their states, who owns and answers for them, how far each owner is. Mimir's page
// and JSON with what Weir knows besides; what needs somebody's attention stands first.
import {
  answererOf,
  type ClusterView,
  type OwnerEntry,
  type PartitionEntry,
  readPartitions,
} from '@weir/cluster';
import {
  badge,
  type Column,
  durationText,
  type HtmlValue,
  html,
  type Mood,
  page,
  table,
  timeAndAge,
} from '@weir/http';
import { isoTime } from '@weir/runtime';

/** Numbers of Mimir's partition states. */
const STATE_NUMBERS = { PENDING: 1, ACTIVE: 2, INACTIVE: 3, DELETED: 4 } as const;
const STATE_MOODS: Readonly<Record<PartitionEntry['state'], Mood>> = {
  ...{ PENDING: 'busy', ACTIVE: 'good', INACTIVE: 'idle', DELETED: 'idle' },
};

export interface PartitionPageParts {
  readonly view: ClusterView;
  readonly nowMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly owners: ReadonlyMap<number, readonly OwnerEntry[]>;
  /** The log's end of each partition; empty where the log didn't tell. */
  readonly endOffsets: ReadonlyMap<number, number>;
}

/** By partition, in the order of zones. */
export function ownersByPartition(view: ClusterView): Map<number, OwnerEntry[]> {
  const owners = new Map<number, OwnerEntry[]>();
  for (const owner of [...view.owners.values()].sort((a, b) => (a.zone < b.zone ? -1 : 1))) {
    const of = owners.get(owner.partition) ?? [];
    of.push(owner);
    owners.set(owner.partition, of);
  }
  return owners;
}

interface OwnerShown {
  readonly owner: OwnerEntry;
  readonly healthy: boolean;
  /** The next offset to be applied, as of its last heartbeat. */
  readonly applied: number | undefined;
}

export function partitionRing(parts: PartitionPageParts) {
  const partitions = sorted(parts.view).map((entry) => {
    const { partition, state, drained, lockedSinceMs } = entry;
    const owners = shownOwners(parts, partition);
    const end = parts.endOffsets.get(partition);
    return {
      id: partition,
      corrupted: false,
      state: STATE_NUMBERS[state],
      state_timestamp: isoTime(entry.sinceMs),
      state_change_locked: lockedSinceMs !== undefined,
      owner_ids: owners.map(({ owner }) => owner.instance),
      tokens: [],
      state_name: state,
      version: entry.version,
      ...(lockedSinceMs !== undefined && { locked_timestamp: isoTime(lockedSinceMs) }),
      ...(drained !== undefined && { drained_for: drained.instance }),
      ...(end !== undefined && { end_offset: end }),
      owners: owners.map(({ owner, healthy, applied }) => ({
        ...{ instance: owner.instance, zone: owner.zone, claim: owner.claim, healthy },
        ...(owner.handedBy !== undefined && { handed_by: owner.handedBy }),
        serving: owner.serving && healthy,
        ...(applied !== undefined && { applied_offset: applied }),
        ...lagOf(end, applied),
      })),
    };
  });
  return { partitions };
}

export function partitionRingPage(parts: PartitionPageParts): string {
  const { view, nowMs } = parts;
  const entries = sorted(view);
  const rows = entries.map((entry) => partitionRow(parts, entry));
  const counts = (['ACTIVE', 'INACTIVE', 'PENDING'] as const).flatMap((state) => {
    const count = entries.filter((entry) => entry.state === state).length;
    return count === 0 ? [] : [html`${count} ${badge(state, STATE_MOODS[state])} `];
  });
  const columns: Column[] = [
    ...[{ title: 'Partition', numeric: true }, { title: 'State' }, { title: 'For', numeric: true }],
    ...[{ title: 'Owners' }, { title: 'Applied', numeric: true }],
    ...[
      { title: 'Lag, records', numeric: true },
      { title: 'End of log', numeric: true },
    ],
    { title: 'Change' },
  ];
  return page(
    'Partitions',
    html`<p>${entries.length} partitions: ${counts}</p>`,
    warnings(parts, entries).map((warning) => html`<p class="warn">${warning}</p>`),
    table(columns, rows),
    html`<p class="soft">ACTIVE is written and read, INACTIVE read only, PENDING not yet either: its owner has not caught up. What an owner has applied is as of its last heartbeat, at most some seconds ago. A lock keeps the state until it is unlocked, whatever rollout tools ask. As of ${isoTime(nowMs)}; <a href="/ingester/ring">ingesters</a>.</p>`,
  );
}

function sorted(view: ClusterView): PartitionEntry[] {
  return [...view.partitions.values()].sort((a, b) => a.partition - b.partition);
}

function shownOwners(parts: PartitionPageParts, partition: number): OwnerShown[] {
  const { view, nowMs, heartbeatTimeoutMs } = parts;
  return (parts.owners.get(partition) ?? []).map((owner) => {
    const instance = view.instances.get(owner.instance);
    const healthy = instance !== undefined && nowMs - instance.heartbeatMs < heartbeatTimeoutMs;
    return { owner, healthy, applied: instance?.applied?.[partition] };
  });
}

/** A heartbeat may be newer than the end that was asked for before it. */
function lagOf(end: number | undefined, applied: number | undefined): { lag_records?: number } {
  if (end === undefined || applied === undefined) return {};
  return { lag_records: Math.max(0, end - applied) };
}

function partitionRow(parts: PartitionPageParts, entry: PartitionEntry): HtmlValue[] {
  const { partition, state, drained, lockedSinceMs, sinceMs } = entry;
  const { nowMs } = parts;
  const owners = shownOwners(parts, partition);
  const end = parts.endOffsets.get(partition);
  const lines = (of: (shown: OwnerShown) => HtmlValue) =>
    owners.map((shown) => html`<div>${of(shown)}</div>`);
  const locked = lockedSinceMs !== undefined;
  return [
    partition,
    html`${badge(state, STATE_MOODS[state])}${locked ? html` ${badge('locked', 'busy')}` : undefined}${drained === undefined ? undefined : html` <span class="soft">for ${drained.instance}</span>`}`,
    timeAndAge(sinceMs, nowMs),
    owners.length === 0 ? '–' : lines(ownerLine),
    lines(({ applied }) => applied ?? '–'),
    lines(({ applied }) => lagOf(end, applied).lag_records ?? '–'),
    end ?? '–',
    changeButtons(entry, locked),
  ];
}

function ownerLine({ owner, healthy }: OwnerShown): HtmlValue {
  const zone = owner.zone === '' ? '' : ` in ${owner.zone}`;
  const state = !healthy
    ? badge('gone', 'bad')
    : owner.serving
      ? badge('serving', 'good')
      : badge('catching up', 'busy');
  const before = owner.serving ? undefined : owner.handedBy;
  const answering = before && html` <span class="soft">${before} answers until then</span>`;
  return html`${owner.instance}${zone} ${state}${answering}`;
}

function changeButtons({ partition, state }: PartitionEntry, locked: boolean): HtmlValue {
  const form = (fields: Readonly<Record<string, string | number>>, text: string) =>
    html`<form method="post">${Object.entries({ ...fields, partition_id: partition }).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}<button>${text}</button></form>`;
  const lock = form(
    { action: 'state_change_lock', locked: String(!locked) },
    locked ? 'Unlock' : 'Lock',
  );
  if (locked) return lock;
  const to = (target: 'Active' | 'Inactive', action: string, text: string) =>
    form({ action, partition_state: `Partition${target}` }, text);
  const target = state === 'ACTIVE' ? 'Inactive' : 'Active';
  const change = state === 'ACTIVE' ? 'Stop writes' : 'Write again';
  return html`${to(target, 'change_state', change)}${to(target, 'change_state_and_lock', `${change}, lock`)}${lock}`;
}

/** What makes queries or pushes fail, or will. */
function warnings(parts: PartitionPageParts, entries: readonly PartitionEntry[]): string[] {
  const { view, nowMs, heartbeatTimeoutMs } = parts;
  const found: string[] = [];
  if (entries.length > 0 && entries.every(({ state }) => state !== 'ACTIVE')) {
    found.push('No partition is ACTIVE: pushes are answered 503.');
  }
  const answers = (owner: OwnerEntry) => {
    const instance = view.instances.get(answererOf(owner) ?? '');
    return instance !== undefined && nowMs - instance.heartbeatMs < heartbeatTimeoutMs;
  };
  const unanswered = readPartitions(view).filter(
    (partition) => !(parts.owners.get(partition) ?? []).some(answers),
  );
  if (unanswered.length > 0) {
    found.push(`Nobody answers for ${listed(unanswered)}: queries that need them fail.`);
  }
  if (entries.length > 0 && parts.endOffsets.size === 0) {
    found.push('The log does not tell how far it goes: its brokers are away, or slow.');
  }
  for (const { id, heartbeatMs, targets } of view.instances.values()) {
    if (!targets.includes('ingester') || nowMs - heartbeatMs < heartbeatTimeoutMs) continue;
    found.push(`Ingester ${id} has not been heard of for ${durationText(nowMs - heartbeatMs)}.`);
  }
  return found;
}

const LISTED = 20;

function listed(partitions: readonly number[]): string {
  const shown = partitions.slice(0, LISTED).join(', ');
  const more = partitions.length > LISTED ? ` and ${partitions.length - LISTED} more` : '';
  return `${partitions.length === 1 ? 'partition' : 'partitions'} ${shown}${more}`;
}
