// The instances of a component, as Mimir's ring pages show them. Weir routes by partitions, so that nobody has
// tokens here. An instance that drains is read-only; one without heartbeats is UNHEALTHY until it is forgotten.
import type { ClusterView, InstanceEntry, Target } from '@weir/cluster';
import {
  badge,
  type Column,
  type HtmlValue,
  html,
  type Mood,
  page,
  table,
  timeAndAge,
} from '@weir/http';
import { isoTime } from '@weir/runtime';

/** Go's zero time: never. */
const NEVER = '0001-01-01T00:00:00Z';

export interface RingSettings {
  readonly target: Target;
  /** An instance without a heartbeat for longer is not asked. */
  readonly heartbeatTimeoutMs: number;
}

type RingState = 'ACTIVE' | 'LEAVING' | 'UNHEALTHY';
const MOODS: Readonly<Record<RingState, Mood>> = {
  ...{ ACTIVE: 'good', LEAVING: 'busy', UNHEALTHY: 'bad' },
};

/** One of `shards` in Mimir's JSON, and what Weir adds. */
export interface RingShard {
  readonly id: string;
  readonly state: RingState;
  readonly address: string;
  readonly timestamp: string;
  readonly registered_timestamp: string;
  readonly read_only: boolean;
  readonly read_only_updated_timestamp: string;
  readonly zone: string;
  readonly tokens: readonly number[];
  readonly shutdown_prepared: boolean;
  readonly partitions: readonly { readonly id: number; readonly serving: boolean }[];
}

export function ringShards(view: ClusterView, settings: RingSettings, nowMs: number): RingShard[] {
  return instancesOf(view, settings.target).map((instance) => ({
    id: instance.id,
    state: stateOf(instance, settings, nowMs),
    address: instance.address,
    timestamp: isoTime(instance.heartbeatMs),
    registered_timestamp: timeOrNever(instance.registeredMs),
    read_only: instance.drainingSinceMs !== undefined,
    read_only_updated_timestamp: timeOrNever(instance.drainingSinceMs),
    zone: instance.zone,
    tokens: [],
    shutdown_prepared: instance.shutdownPreparedMs !== undefined,
    partitions: ownedBy(view, instance.id),
  }));
}

export function ringPage(view: ClusterView, settings: RingSettings, nowMs: number): string {
  const isIngester = settings.target === 'ingester';
  const columns: Column[] = [
    ...[{ title: 'Instance' }, { title: 'State' }, { title: 'Zone' }, { title: 'Address' }],
    ...[
      { title: 'Last heartbeat', numeric: true },
      { title: 'Registered', numeric: true },
    ],
    ...(isIngester ? [{ title: 'Partitions' }, { title: 'Leaving' }] : []),
    { title: '' },
  ];
  const rows = instancesOf(view, settings.target).map((instance): HtmlValue[] => {
    const state = stateOf(instance, settings, nowMs);
    return [
      instance.id,
      badge(state, MOODS[state]),
      instance.zone || '–',
      html`<a href="http://${instance.address}/">${instance.address}</a>`,
      timeAndAge(instance.heartbeatMs, nowMs),
      timeAndAge(instance.registeredMs, nowMs),
      ...(isIngester ? [partitionsCell(view, instance.id), leavingCell(instance, nowMs)] : []),
      state === 'UNHEALTHY' ? forgetButton(instance.id) : undefined,
    ];
  });
  const all = rows.length === 1 ? '1 instance' : `${rows.length} instances`;
  const bad = ringShards(view, settings, nowMs).filter(({ state }) => state === 'UNHEALTHY');
  const title = isIngester ? 'Ingesters' : 'Distributors';
  return page(
    title,
    html`<p>${all}${bad.length === 0 ? '' : `, ${bad.length} without heartbeats`}.${isIngester ? html` Who owns what: <a href="/ingester/partition-ring">partitions</a>.` : undefined}</p>`,
    table(columns, rows),
  );
}

export function instancesOf(view: ClusterView, target: Target): InstanceEntry[] {
  return [...view.instances.values()]
    .filter(({ targets }) => targets.includes(target))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function stateOf(
  { heartbeatMs, leavingSinceMs }: InstanceEntry,
  { heartbeatTimeoutMs }: RingSettings,
  nowMs: number,
): RingState {
  if (nowMs - heartbeatMs >= heartbeatTimeoutMs) return 'UNHEALTHY';
  return leavingSinceMs === undefined ? 'ACTIVE' : 'LEAVING';
}

function ownedBy(view: ClusterView, instance: string): RingShard['partitions'] {
  return [...view.owners.values()]
    .filter((owner) => owner.instance === instance)
    .map(({ partition, serving }) => ({ id: partition, serving }))
    .sort((a, b) => a.id - b.id);
}

/** Long lists end with their number. */
const PARTITIONS_SHOWN = 16;

function partitionsCell(view: ClusterView, instance: string): HtmlValue {
  const owned = ownedBy(view, instance);
  const serving = owned.filter((one) => one.serving).length;
  const shown = owned.slice(0, PARTITIONS_SHOWN).map(({ id }) => id);
  const list = `${shown.join(' ')}${owned.length > shown.length ? ' …' : ''}`;
  const answering = serving === owned.length ? '' : `, ${serving} of them answer`;
  return html`${owned.length}${answering}${list && ': '}<span class="soft">${list}</span>`;
}

function leavingCell({ drainingSinceMs, shutdownPreparedMs }: InstanceEntry, nowMs: number) {
  if (drainingSinceMs === undefined && shutdownPreparedMs === undefined) return '–';
  const draining =
    drainingSinceMs === undefined
      ? undefined
      : html`${badge('draining', 'busy')} ${timeAndAge(drainingSinceMs, nowMs)} `;
  const prepared =
    shutdownPreparedMs === undefined
      ? undefined
      : html`${badge('prepared for shutdown', 'busy')} ${timeAndAge(shutdownPreparedMs, nowMs)}`;
  return html`${draining}${prepared}`;
}

function forgetButton(id: string): HtmlValue {
  return html`<form method="post"><input type="hidden" name="forget" value="${id}"><button>Forget</button></form>`;
}

function timeOrNever(timeMs: number | undefined): string {
  return timeMs === undefined ? NEVER : isoTime(timeMs);
}
