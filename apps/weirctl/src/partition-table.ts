// Partitions as lines for a terminal: one an owner, the furthest behind easy to see. Text only; who prints it knows
// whether there are colours.
import type { ClusterState, OwnerStatus, PartitionStatus } from './cluster-state.ts';
import { isServed, listed } from './plans.ts';

interface Column {
  readonly title: string;
  readonly right?: boolean;
  cell(partition: PartitionStatus, owner: OwnerStatus | undefined, first: boolean): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'PARTITION', right: true, cell: ({ id }, _owner, first) => (first ? String(id) : '') },
  { title: 'STATE', cell: (partition, _owner, first) => (first ? stateText(partition) : '') },
  { title: 'OWNER', cell: (_partition, owner) => ownerText(owner) },
  {
    title: 'APPLIED',
    right: true,
    cell: (_partition, owner) => text(owner?.own?.applied ?? owner?.applied),
  },
  { title: 'END', right: true, cell: ({ end }, owner) => text(owner?.own?.end ?? end) },
  { title: 'LAG', right: true, cell: (partition, owner) => text(lagRecords(partition, owner)) },
  { title: 'LAG TIME', right: true, cell: (_partition, owner) => seconds(owner?.own?.lagSeconds) },
  {
    title: 'LOGGED/S',
    right: true,
    cell: (_partition, owner) => rate(owner?.own?.loggedPerSecond),
  },
  {
    title: 'APPLIED/S',
    right: true,
    cell: (_partition, owner) => rate(owner?.own?.appliedPerSecond),
  },
  { title: 'SERIES', right: true, cell: (_partition, owner) => text(owner?.own?.series) },
];

/** The table, and below it what is wrong. */
export function partitionLines(state: ClusterState): string[] {
  const partitions = [...state.partitions].sort((a, b) => a.id - b.id);
  const rows = partitions.flatMap((partition) => {
    const owners = partition.owners.length === 0 ? [undefined] : partition.owners;
    return owners.map((owner, at) =>
      COLUMNS.map((column) => column.cell(partition, owner, at === 0)),
    );
  });
  const all = [COLUMNS.map(({ title }) => title), ...rows];
  const widths = COLUMNS.map((_, at) => Math.max(...all.map((row) => row[at]!.length)));
  const lines = all.map((row) =>
    row
      .map((cell, at) =>
        COLUMNS[at]!.right ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!),
      )
      .join('  ')
      .trimEnd(),
  );
  return [...lines, '', summary(state), ...warnings(state)];
}

export function summary({ partitions, ingesters }: ClusterState): string {
  const counts = (['ACTIVE', 'INACTIVE', 'PENDING'] as const).flatMap((state) => {
    const count = partitions.filter((one) => one.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  const healthy = ingesters.filter((one) => one.healthy).length;
  const draining = ingesters.filter((one) => one.draining).map(({ id }) => id);
  const leaving = draining.length === 0 ? '' : `; draining: ${draining.join(', ')}`;
  const behind = worstLag(partitions);
  const lag = behind === undefined ? '' : `; furthest behind: ${behind}`;
  return `${partitions.length} partitions (${counts.join(', ') || 'none'}), ${healthy} of ${ingesters.length} ingesters healthy${leaving}${lag}`;
}

function worstLag(partitions: readonly PartitionStatus[]): string | undefined {
  let worst: { readonly id: number; readonly records: number; readonly own?: number } | undefined;
  for (const partition of partitions) {
    for (const owner of partition.owners) {
      const records = lagRecords(partition, owner) ?? 0;
      const own = owner.own?.lagSeconds;
      if (records === 0 || (worst !== undefined && worst.records >= records)) continue;
      worst = { id: partition.id, records, ...(own !== undefined && { own }) };
    }
  }
  if (worst === undefined) return undefined;
  const time = worst.own === undefined ? '' : `, ${seconds(worst.own)}`;
  return `partition ${worst.id} by ${worst.records} records${time}`;
}

/** What makes pushes or queries fail, or will. */
export function warnings({ partitions, ingesters }: ClusterState): string[] {
  const found: string[] = [];
  if (partitions.every(({ state }) => state !== 'ACTIVE')) {
    found.push('No partition is ACTIVE: pushes are answered 503.');
  }
  const unread = partitions.filter((one) => one.state !== 'PENDING' && !isServed(one));
  if (unread.length > 0) {
    found.push(`Nobody answers for ${listed(unread)}: queries that need them fail.`);
  }
  for (const { id, healthy } of ingesters) {
    if (!healthy) found.push(`Ingester ${id} has not been heard of.`);
  }
  return found.map((warning) => `! ${warning}`);
}

function stateText({ state, locked, drainedFor }: PartitionStatus): string {
  const why = [...(locked ? ['locked'] : []), ...(drainedFor ? [`for ${drainedFor}`] : [])];
  return why.length === 0 ? state : `${state} (${why.join(', ')})`;
}

function ownerText(owner: OwnerStatus | undefined): string {
  if (owner === undefined) return 'nobody';
  const place = owner.zone === '' ? owner.instance : `${owner.instance} (${owner.zone})`;
  if (!owner.healthy) return `${place} gone`;
  return owner.serving ? place : `${place} catching up`;
}

/** A heartbeat may be newer than the end that was asked for before it. */
export function lagRecords(
  { end }: PartitionStatus,
  owner: OwnerStatus | undefined,
): number | undefined {
  if (owner?.own !== undefined) return owner.own.lagRecords;
  if (end === undefined || owner?.applied === undefined) return undefined;
  return Math.max(0, end - owner.applied);
}

function text(value: number | undefined): string {
  return value === undefined ? '-' : String(value);
}

function rate(value: number | undefined): string {
  if (value === undefined) return '-';
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function seconds(value: number | undefined): string {
  if (value === undefined) return '-';
  if (value < 10) return `${value.toFixed(1)}s`;
  if (value < 120) return `${Math.round(value)}s`;
  if (value < 7200) return `${Math.round(value / 60)}m`;
  return `${(value / 3600).toFixed(1)}h`;
}
