// The routes of leaving: every method, body and code, over a cluster in memory and marks on a disk.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster, InstanceEntry, OwnerEntry, PartitionEntry } from '@weir/cluster';
import { createMemoryCluster } from '@weir/cluster/memory';
import { defaultsOf } from '@weir/config';
import { WeirError } from '@weir/errors';
import { createHttpServer, httpFlags } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeparture } from './departure.ts';
import { leavingRoutes } from './routes.ts';

const DOWNSCALE = '/ingester/prepare-partition-downscale';
const SHUTDOWN = '/ingester/prepare-shutdown';
const UNREGISTER = '/ingester/unregister-on-shutdown';
const NOW_MS = 1_700_000_000_999;

let dir = '';
let cluster: Cluster;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-leaving-'));
  cluster = createMemoryCluster();
});
afterEach(() => rm(dir, { recursive: true }));

const partition = (state: PartitionEntry['state'], more: Partial<PartitionEntry> = {}) =>
  cluster.put({ kind: 'partition', partition: 0, state, sinceMs: 0, version: 1, ...more });
const owner = (more: Partial<OwnerEntry> = {}) =>
  cluster.put({
    ...{ kind: 'owner', partition: 0, zone: 'z', instance: 'i-1', serving: true, claim: 1 },
    ...more,
  });
const present = () => cluster.view.partitions.get(0);

/** A process that starts on the same disk. */
async function serve({ running = true, unregister = true, stopping = async () => {} } = {}) {
  const server = createHttpServer(defaultsOf(httpFlags), {
    telemetry: silentTelemetry(),
    clock: systemClock,
  });
  let changes = 0;
  const departure = createDeparture(
    { dir: join(dir, 'tsdb'), instanceId: 'i-1', unregisterOnShutdown: unregister },
    {
      cluster,
      clock: { ...systemClock, nowMs: () => NOW_MS },
      tell: () =>
        cluster.put({
          ...{ kind: 'instance', id: 'i-1', address: 'i-1:80', zone: 'z', targets: ['ingester'] },
          ...{ heartbeatMs: NOW_MS, ...departure.entryFields() },
        } satisfies InstanceEntry as InstanceEntry),
      changed: () => changes++,
    },
  );
  await departure.open();
  leavingRoutes(server, { departure, running, shutdown: stopping });
  const ask = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: string) => {
    const answer = await server.inject({
      method,
      url,
      ...(payload === undefined ? {} : { payload }),
    });
    return [answer.statusCode, answer.body] as const;
  };
  return { server, departure, ask, changes: () => changes };
}

describe('prepare-partition-downscale', () => {
  const at = (timestamp: number) => [200, `{"timestamp":${timestamp}}`];

  it('drains the partitions of this instance, and takes that back', async () => {
    const { ask, server } = await serve();
    await partition('ACTIVE');
    await owner();
    await cluster.put({ ...present()!, partition: 1 });
    await owner({ partition: 1, instance: 'i-2' });
    expect(await ask('GET', DOWNSCALE)).toEqual(at(0));
    expect(await ask('POST', DOWNSCALE)).toEqual(at(1_700_000_000));
    expect(cluster.view.instances.get('i-1')?.drainingSinceMs).toBe(NOW_MS);
    expect(present()).toMatchObject({ state: 'INACTIVE', drained: { instance: 'i-1', zone: 'z' } });
    expect(cluster.view.partitions.get(1)?.state).toBe('ACTIVE');
    expect(await ask('POST', DOWNSCALE)).toEqual(at(1_700_000_000));
    expect(present()?.version).toBe(2);
    expect(await ask('GET', DOWNSCALE)).toEqual(at(1_700_000_000));
    expect(await ask('DELETE', DOWNSCALE)).toEqual(at(0));
    expect([present()?.state, present()?.drained]).toEqual(['ACTIVE', undefined]);
    expect(cluster.view.instances.get('i-1')?.drainingSinceMs).toBe(undefined);
    expect(await ask('DELETE', DOWNSCALE)).toEqual(at(0));
    expect((await server.inject(DOWNSCALE)).headers['content-type']).toMatch(/^application.json/);
  });

  it('survives a restart', async () => {
    await partition('ACTIVE');
    await owner();
    await (await serve()).ask('POST', DOWNSCALE);
    const again = await serve();
    expect(await again.ask('GET', DOWNSCALE)).toEqual(at(1_700_000_000));
    await again.ask('DELETE', DOWNSCALE);
    expect(await (await serve()).ask('GET', DOWNSCALE)).toEqual(at(0));
  });

  it('is a conflict, and changes nothing, where a partition is PENDING or locked', async () => {
    const { ask } = await serve();
    await partition('PENDING');
    await owner();
    const [status, body] = await ask('POST', DOWNSCALE);
    expect([status, body]).toEqual([409, 'partition 0 is PENDING\n']);
    await partition('ACTIVE', { version: 2, lockedSinceMs: 1 });
    expect(await ask('POST', DOWNSCALE)).toEqual([
      ...[409, 'the state of partition 0 is locked; unlock it to change it\n'],
    ]);
    expect(await ask('GET', DOWNSCALE)).toEqual(at(0));
    expect(cluster.view.instances.size).toBe(0);
    expect(present()?.version).toBe(2);
    // INACTIVE already, though locked: nothing to change.
    await partition('INACTIVE', { version: 3, lockedSinceMs: 1 });
    expect(await ask('POST', DOWNSCALE)).toEqual(at(1_700_000_000));
  });

  it('can not be taken back while what was drained is locked', async () => {
    const { ask } = await serve();
    await partition('ACTIVE');
    await owner();
    await ask('POST', DOWNSCALE);
    await cluster.put({ ...present()!, version: 3, lockedSinceMs: 1 });
    expect((await ask('DELETE', DOWNSCALE))[0]).toBe(409);
    expect(await ask('GET', DOWNSCALE)).toEqual(at(1_700_000_000));
    await cluster.put({ ...present()!, version: 4, lockedSinceMs: undefined as never });
    expect(await ask('DELETE', DOWNSCALE)).toEqual(at(0));
    expect(present()?.state).toBe('ACTIVE');
  });

  it('is a 500 that leaves no mark when the cluster or the disk refuses', async () => {
    await partition('ACTIVE');
    await owner();
    const { ask } = await serve();
    const { put } = cluster;
    cluster.put = async () => {
      throw new WeirError('unavailable', 'the brokers are away');
    };
    expect(await ask('POST', DOWNSCALE)).toEqual([500, 'the brokers are away\n']);
    expect(await (await serve()).ask('GET', DOWNSCALE)).toEqual(at(0));
    cluster.put = put;
    await writeFile(join(dir, 'file'), '');
    await rm(join(dir, 'tsdb'), { recursive: true, force: true });
    await writeFile(join(dir, 'tsdb'), 'no folder');
    expect((await ask('POST', DOWNSCALE))[0]).toBe(500);
    expect([await ask('GET', DOWNSCALE), present()?.state]).toEqual([at(0), 'ACTIVE']);
  });
});

describe('prepare-shutdown', () => {
  it('is set and unset, is told, and survives a restart', async () => {
    const first = await serve({ unregister: false });
    expect(await first.ask('GET', SHUTDOWN)).toEqual([200, 'unset\n']);
    expect(await first.ask('POST', SHUTDOWN)).toEqual([204, '']);
    expect(await first.ask('POST', SHUTDOWN)).toEqual([204, '']);
    expect(cluster.view.instances.get('i-1')?.shutdownPreparedMs).toBe(NOW_MS);
    expect(await readdir(join(dir, 'tsdb'))).toEqual(['shutdown-requested.txt']);
    expect(first.departure.unregister).toBe(true);
    const second = await serve({ unregister: false });
    expect(await second.ask('GET', SHUTDOWN)).toEqual([200, 'set\n']);
    expect(second.departure.unregister).toBe(true);
    expect(await second.ask('DELETE', SHUTDOWN)).toEqual([204, '']);
    expect(await second.ask('GET', SHUTDOWN)).toEqual([200, 'unset\n']);
    expect(second.departure.unregister).toBe(false);
    expect(cluster.view.instances.get('i-1')?.shutdownPreparedMs).toBe(undefined);
    expect(await readdir(join(dir, 'tsdb'))).toEqual([]);
  });

  it('takes a mark of any content for set', async () => {
    await mkdir(join(dir, 'tsdb'));
    await writeFile(join(dir, 'tsdb', 'shutdown-requested.txt'), 'by hand');
    const { ask, departure } = await serve();
    expect(await ask('GET', SHUTDOWN)).toEqual([200, 'set\n']);
    expect(departure.entryFields().shutdownPreparedMs).toBe(NOW_MS);
    await departure.done();
    expect(await (await serve()).ask('GET', SHUTDOWN)).toEqual([200, 'unset\n']);
  });

  it('is a 500 when the disk refuses', async () => {
    const { ask } = await serve();
    await writeFile(join(dir, 'tsdb'), 'no folder');
    expect((await ask('POST', SHUTDOWN))[0]).toBe(500);
    expect(await ask('GET', SHUTDOWN)).toEqual([200, 'unset\n']);
  });
});

describe('unregister-on-shutdown', () => {
  it('is told, set, and reset to what is configured', async () => {
    for (const unregister of [true, false]) {
      const { ask } = await serve({ unregister });
      const now = (value: boolean) => [200, `{"unregister":${value}}`];
      expect(await ask('GET', UNREGISTER)).toEqual(now(unregister));
      expect(await ask('PUT', UNREGISTER, `{"unregister":${!unregister}}`)).toEqual(
        now(!unregister),
      );
      expect(await ask('GET', UNREGISTER)).toEqual(now(!unregister));
      expect(await ask('DELETE', UNREGISTER)).toEqual(now(unregister));
    }
  });

  it('refuses bodies that say nothing', async () => {
    const { ask } = await serve();
    const bodies = ['', '{', 'null', '{}', '{"unregister":null}', '{"unregister":"false"}', '[1]'];
    for (const body of bodies) expect(await ask('PUT', UNREGISTER, body), body).toEqual([400, '']);
    expect((await ask('PUT', UNREGISTER))[0]).toBe(400);
    const padded = (size: number) => '{"unregister":false}'.padEnd(size);
    expect((await ask('PUT', UNREGISTER, padded(4096)))[0]).toBe(200);
    await ask('DELETE', UNREGISTER);
    expect((await ask('PUT', UNREGISTER, padded(4097)))[0]).toBe(400);
    expect(await ask('GET', UNREGISTER)).toEqual([200, '{"unregister":true}']);
  });
});

describe('all of them', () => {
  it('answer an empty 503 while the ingester does not run', async () => {
    const { ask } = await serve({ running: false });
    for (const url of [DOWNSCALE, SHUTDOWN]) {
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        expect(await ask(method, url), `${method} ${url}`).toEqual([503, '']);
      }
    }
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      expect(await ask(method, UNREGISTER)).toEqual([503, '']);
    }
  });

  it('answer 405 to other methods, and downscaling of instances to every one', async () => {
    const { ask, server } = await serve();
    for (const url of [DOWNSCALE, SHUTDOWN]) expect(await ask('PUT', url)).toEqual([405, '']);
    const allow = (await server.inject({ method: 'PUT', url: DOWNSCALE })).headers.allow;
    expect(allow).toBe('DELETE, GET, POST');
    expect(await ask('POST', UNREGISTER)).toEqual([405, '']);
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      expect(await ask(method, '/ingester/shutdown')).toEqual([405, '']);
    }
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'] as const) {
      expect(await ask(method, '/ingester/prepare-instance-ring-downscale')).toEqual([405, '']);
    }
  });

  it('shut down: 204 once it has, 500 with what was not done', async () => {
    let stopped = 0;
    const good = await serve({ stopping: async () => void stopped++ });
    expect([await good.ask('POST', '/ingester/shutdown'), stopped]).toEqual([[204, ''], 1]);
    const stopping = () => Promise.reject(new WeirError('unavailable', 'the bucket is down'));
    const bad = await serve({ stopping });
    expect(await bad.ask('POST', '/ingester/shutdown')).toEqual([
      500,
      'the ingester has stopped, but not everything was done: the bucket is down\n',
    ]);
  });
});
