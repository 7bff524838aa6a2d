// Rings and partitions as pages and JSON, and what is changed there, over a cluster in memory.
import type { Cluster, InstanceEntry, OwnerEntry, PartitionEntry } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, httpFlags } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { beforeEach, describe, expect, it } from 'vitest';
import { clusterRoutes } from './cluster-routes.ts';

const NOW_MS = 1_700_000_100_000;
const TIMEOUT_MS = 60_000;
const RING = '/ingester/partition-ring';

let cluster: Cluster;
let ends: (partitions: readonly number[]) => Promise<readonly number[]>;
/** Timers that run; time stands still. */
let timers: (() => void)[];

beforeEach(() => {
  cluster = createMemoryCluster();
  timers = [];
  ends = async (partitions) => partitions.map((partition) => 100 + partition);
});

const instance = (id: string, more: Partial<InstanceEntry> = {}) =>
  cluster.put({
    ...{ kind: 'instance', id, address: `${id}:80`, zone: 'z', targets: ['ingester'] },
    ...{ heartbeatMs: NOW_MS, ...more },
  });
const partition = (number: number, more: Partial<PartitionEntry> = {}) =>
  cluster.put({
    ...{ kind: 'partition', partition: number, state: 'ACTIVE', sinceMs: NOW_MS - 5000 },
    ...{ version: 1, ...more },
  });
const owner = (number: number, id: string, more: Partial<OwnerEntry> = {}) =>
  cluster.put({
    ...{ kind: 'owner', partition: number, zone: 'z', instance: id, serving: true, claim: 1 },
    ...more,
  });

function serve(targets: readonly ('distributor' | 'ingester')[] = ['distributor', 'ingester']) {
  const clock = {
    ...systemClock,
    nowMs: () => NOW_MS,
    after(_ms: number, callback: () => void) {
      timers.push(callback);
      return { cancel: () => undefined };
    },
  };
  const server = createHttpServer(defaultsOf(httpFlags), { telemetry: silentTelemetry(), clock });
  const log = { endOffsets: (numbers: readonly number[]) => ends(numbers) };
  clusterRoutes(server, targets, { cluster, log, clock, heartbeatTimeoutMs: TIMEOUT_MS });
  return {
    server,
    json: async (url: string) =>
      (await server.inject({ url, headers: { accept: 'application/json' } })).json(),
    page: async (url: string) => (await server.inject(url)).body,
    async post(url: string, fields: Readonly<Record<string, string>>) {
      const answer = await server.inject({
        ...{ method: 'POST', url, payload: new URLSearchParams(fields).toString() },
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      return [answer.statusCode, answer.headers.location ?? answer.body];
    },
  };
}

describe('rings', () => {
  it('list the instances of a target, in Mimir’s form', async () => {
    const { json } = serve();
    await instance('b', { drainingSinceMs: NOW_MS - 1000, registeredMs: NOW_MS - 9000 });
    await instance('a', { targets: ['distributor', 'ingester'], heartbeatMs: NOW_MS - 59_999 });
    await instance('c', { heartbeatMs: NOW_MS - TIMEOUT_MS, shutdownPreparedMs: 1 });
    await instance('d', { targets: ['distributor'] });
    await instance('e', { leavingSinceMs: NOW_MS });
    await owner(3, 'b', { serving: false });
    await owner(1, 'b');
    const never = '0001-01-01T00:00:00Z';
    const ring = await json('/ingester/ring');
    expect(ring.now).toBe('2023-11-14T22:15:00.000Z');
    expect(ring.shards.map(({ id, state }: { id: string; state: string }) => [id, state])).toEqual([
      ...[
        ['a', 'ACTIVE'],
        ['b', 'ACTIVE'],
        ['c', 'UNHEALTHY'],
        ['e', 'LEAVING'],
      ],
    ]);
    expect(ring.shards[1]).toEqual({
      ...{ id: 'b', state: 'ACTIVE', address: 'b:80', zone: 'z', tokens: [], read_only: true },
      timestamp: '2023-11-14T22:15:00.000Z',
      registered_timestamp: '2023-11-14T22:14:51.000Z',
      read_only_updated_timestamp: '2023-11-14T22:14:59.000Z',
      shutdown_prepared: false,
      partitions: [
        { id: 1, serving: true },
        { id: 3, serving: false },
      ],
    });
    expect(ring.shards[0]).toMatchObject({ read_only: false, registered_timestamp: never });
    expect(ring.shards[0].read_only_updated_timestamp).toBe(never);
    expect(ring.shards[2].shutdown_prepared).toBe(true);
    const distributors = (await json('/distributor/ring')).shards;
    expect(distributors.map(({ id }: { id: string }) => id)).toEqual(['a', 'd']);
  });

  it('as pages say who drains and who is gone, and escape what others wrote', async () => {
    const { page } = serve();
    await instance('<b>', { drainingSinceMs: NOW_MS - 61_000 });
    await instance('gone', { heartbeatMs: NOW_MS - TIMEOUT_MS });
    const text = await page('/ingester/ring');
    expect(text).toContain('2 instances, 1 without heartbeats');
    expect(text).toContain('&lt;b&gt;');
    expect(text).not.toContain('<b>');
    expect(text).toMatch(/draining<\/span> <time [^>]*>1 m 1 s</);
    expect(text.match(/Forget/g)).toHaveLength(1);
    expect(text).toContain('name="forget" value="gone"');
    expect(await page('/distributor/ring')).toContain('None.');
  });

  it('forget an instance, known or not, and say when that fails', async () => {
    const { post } = serve();
    await instance('gone', { heartbeatMs: 0 });
    expect(await post('/ingester/ring', { forget: 'gone' })).toEqual([302, '#']);
    expect(cluster.view.instances.size).toBe(0);
    expect(await post('/distributor/ring', { forget: 'gone' })).toEqual([302, '#']);
    await instance('gone');
    cluster.remove = () => Promise.reject(new WeirError('unavailable', 'no broker'));
    expect(await post('/ingester/ring', { forget: 'gone' })).toEqual([
      ...[500, "error forgetting instance 'gone': no broker\n"],
    ]);
  });

  it('are those of the targets that run here; others and other methods there are not', async () => {
    const { server } = serve(['ingester']);
    expect((await server.inject('/distributor/ring')).statusCode).toBe(404);
    for (const url of ['/ingester/ring', RING]) {
      expect((await server.inject({ method: 'DELETE', url })).statusCode).toBe(405);
    }
    const memberlist = await server.inject('/memberlist');
    expect([memberlist.statusCode, memberlist.body]).toEqual([
      ...[200, "This instance doesn't use memberlist."],
    ]);
  });
});

describe('partitions', () => {
  it('are told with state, owners and lag', async () => {
    const { json } = serve();
    await instance('a', { applied: { 0: 95, 1: 105 } });
    await partition(1, {
      state: 'INACTIVE',
      drained: { instance: 'x', zone: 'z' },
      lockedSinceMs: 7,
    });
    await partition(0);
    await partition(2, { state: 'PENDING' });
    await owner(0, 'a');
    await owner(1, 'a', { zone: 'y' });
    await owner(1, 'gone');
    const { partitions } = await json(RING);
    expect(partitions[0]).toEqual({
      ...{ id: 0, corrupted: false, state: 2, state_name: 'ACTIVE', version: 1 },
      ...{ state_timestamp: '2023-11-14T22:14:55.000Z', state_change_locked: false },
      ...{ owner_ids: ['a'], tokens: [], end_offset: 100 },
      owners: [
        {
          ...{ instance: 'a', zone: 'z', claim: 1, healthy: true, serving: true },
          ...{ applied_offset: 95, lag_records: 5 },
        },
      ],
    });
    expect(partitions[1]).toMatchObject({
      ...{ id: 1, state: 3, drained_for: 'x', state_change_locked: true, owner_ids: ['a', 'gone'] },
      locked_timestamp: '1970-01-01T00:00:00.007Z',
      owners: [
        { applied_offset: 105, lag_records: 0 },
        { healthy: false, serving: false },
      ],
    });
    expect(partitions[2]).toMatchObject({ id: 2, state: 1, owners: [], end_offset: 102 });
  });

  it('as a page begin with what is wrong', async () => {
    const { page } = serve();
    await instance('a');
    await instance('b', { heartbeatMs: NOW_MS - TIMEOUT_MS });
    await partition(0);
    await partition(1, { state: 'INACTIVE', drained: { instance: 'b', zone: 'z' } });
    await owner(0, 'a');
    await owner(1, 'b');
    const text = await page(RING);
    expect(text).toContain('Nobody answers for partition 1: queries that need them fail.');
    expect(text).toContain('Ingester b has not been heard of for 1 m 0 s.');
    expect(text).not.toContain('pushes are answered 503');
    expect(text).toContain('for b');
    await partition(0, { version: 2, state: 'PENDING' });
    expect(await page(RING)).toContain('No partition is ACTIVE: pushes are answered 503.');
  });

  it('come without the log’s ends where the log does not answer', async () => {
    const { json, page } = serve();
    await partition(0);
    ends = () => new Promise(() => undefined);
    const asked = json(RING);
    while (timers.length === 0) await systemClock.yield();
    for (const fire of timers) fire();
    const { partitions } = await asked;
    ends = () => Promise.reject(new WeirError('unavailable', 'no broker'));
    expect(await page(RING)).toContain('The log does not tell how far it goes');
    expect([partitions.length, partitions[0].end_offset]).toEqual([1, undefined]);
  });

  const change = (fields: Record<string, string>) => serve().post(RING, fields);
  const set = (state: string, id = '0') => ({
    ...{ action: 'change_state', partition_id: id, partition_state: state },
  });
  const now = () => {
    const { state, lockedSinceMs } = cluster.view.partitions.get(0)!;
    return `${state}${lockedSinceMs === undefined ? '' : '!'}`;
  };

  it('change their state, are locked and unlocked', async () => {
    await partition(0);
    expect(await change(set('PartitionInactive'))).toEqual([302, '#']);
    expect(now()).toBe('INACTIVE');
    expect(await change(set('PartitionInactive'))).toEqual([302, '#']);
    await change({ ...set('PartitionActive'), action: 'change_state_and_lock' });
    expect(now()).toBe('ACTIVE!');
    const [status, message] = await change(set('PartitionInactive'));
    expect([status, message]).toEqual([
      400,
      'failed to change partition state: the state of partition 0 is locked; unlock it to change it\n',
    ]);
    const lock = (locked: string) => ({ action: 'state_change_lock', partition_id: '0', locked });
    expect(await change(lock('false'))).toEqual([302, '#']);
    expect(now()).toBe('ACTIVE');
    expect(await change(lock('true'))).toEqual([302, '#']);
    expect(now()).toBe('ACTIVE!');
  });

  it('refuse what is not known or not allowed', async () => {
    await partition(0);
    const refused: readonly (readonly [Record<string, string>, string])[] = [
      [set('PartitionPending'), 'failed to change partition state: not allowed'],
      [set('PartitionDeleted'), 'failed to change partition state: not allowed'],
      [set('ACTIVE'), 'invalid partition state'],
      [set('PartitionActive', ''), 'invalid partition ID: ""'],
      [set('PartitionActive', '-1'), 'invalid partition ID: "-1"'],
      [set('PartitionActive', '1e1'), 'invalid partition ID: "1e1"'],
      [set('PartitionActive', '1'), 'failed to change partition state: partition 1 does not exist'],
      [{ partition_id: '0' }, 'invalid action: ""'],
      [{ ...set('PartitionActive'), action: 'delete' }, 'invalid action: "delete"'],
      [{ action: 'state_change_lock', partition_id: '0' }, 'invalid locked value: ""'],
      [
        { action: 'state_change_lock', partition_id: '1', locked: 'true' },
        'failed to change partition state: partition 1 does not exist',
      ],
    ];
    for (const [fields, message] of refused) {
      expect(await change(fields)).toEqual([400, `${message}\n`]);
    }
    expect([now(), cluster.view.partitions.get(0)?.version]).toEqual(['ACTIVE', 1]);
  });

  it('say when the cluster can not be told', async () => {
    await partition(0);
    cluster.put = () => Promise.reject(new WeirError('unavailable', 'no broker'));
    expect(await change(set('PartitionInactive'))).toEqual([503, 'no broker\n']);
  });
});
