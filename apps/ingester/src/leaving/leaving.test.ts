// Ingesters that leave, over heads that are fakes: drained, prepared, restarted, stopped; who has which
// partitions then, which are written, what is in the bucket.
import { answererOf, type ClusterView, partitionsOf } from '@weir/cluster';
import { defaultsOf } from '@weir/config';
import { createHttpServer, type HttpServer, httpFlags } from '@weir/http';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sample } from '../testing/samples.ts';
import {
  createWorld,
  type Process,
  type ProcessSettings,
  readAll,
  readBucket,
  stopped,
  until,
  type World,
} from '../testing/world.ts';

let world: World;

beforeEach(async () => {
  world = await createWorld({ partitions: 4 });
});
afterEach(() => world.destroy());

interface Node extends Process {
  readonly name: string;
  ask(method: 'GET' | 'POST' | 'DELETE', path: string): Promise<number>;
}

async function begin(name: string, more: ProcessSettings = {}): Promise<Node> {
  const process = await world.beginWith({ hostName: name, ...more });
  const server: HttpServer = createHttpServer(defaultsOf(httpFlags), {
    telemetry: silentTelemetry(),
    clock: systemClock,
  });
  process.ingester.routes(server, () => 'a');
  const isReady = () => process.ingester.readiness().ready;
  await until(isReady, () => `${name} ready: ${process.ingester.readiness().reason}`);
  return Object.assign(process, {
    name,
    ask: async (method: 'GET' | 'POST' | 'DELETE', path: string) =>
      (await server.inject({ method, url: `/ingester/${path}` })).statusCode,
  });
}

const view = (): ClusterView => world.cluster.view;
const owned = (node: Node) => partitionsOf(view(), node.name);
const states = () =>
  [...view().partitions.values()].map(({ state, drained }) =>
    drained === undefined ? state : `${state} for ${drained.instance}`,
  );
const allActive = () => states().every((state) => state === 'ACTIVE');
const serves = (node: Node, count: number) => () =>
  owned(node).filter((partition) => view().owners.get(`${partition}/`)?.serving).length === count;
const shown = () => `${states()} ${JSON.stringify([...view().owners.values()])}`;
const settled = (check: () => boolean) => until(check, shown);
const DOWNSCALE = 'prepare-partition-downscale';

describe('an ingester that drains', () => {
  it('gives its partitions to another, which makes them ACTIVE; and has them back', async () => {
    const first = await begin('host-1');
    const second = await begin('host-2');
    await settled(() => serves(first, 2)() && serves(second, 2)() && allActive());
    const mine = owned(second);
    expect(await second.ask('POST', DOWNSCALE)).toBe(200);
    await settled(() => serves(first, 4)() && allActive());
    expect(second.ingester.readiness()).toMatchObject({ ready: true });
    expect(second.ingester.readiness().notes?.[0]).toContain('2 partitions are answered until');
    world.clock.advance(2000);
    expect(second.ingester.readiness().notes?.[0]).toContain('others have its partitions');
    await world.push([sample('up', 0, 1)], mine[0]);
    await first.ingester.waitApplied(new Map([[mine[0]!, 1]]));

    expect(await second.ask('DELETE', DOWNSCALE)).toBe(200);
    await settled(() => serves(first, 2)() && serves(second, 2)() && allActive());
    expect(second.ingester.readiness().notes).toEqual([]);
  });

  it('keeps them, INACTIVE, while there is nobody else, and gives them to who comes', async () => {
    const first = await begin('host-1');
    await settled(() => serves(first, 4)() && allActive());
    expect(await first.ask('POST', DOWNSCALE)).toBe(200);
    expect(new Set(states())).toEqual(new Set(['INACTIVE for host-1']));
    expect(first.ingester.readiness().notes?.[0]).toContain('nobody else');
    await world.push([sample('up', 0, 1)], 3);
    await first.ingester.waitApplied(new Map([[3, 1]]));

    const second = await begin('host-2');
    await settled(() => serves(second, 4)() && allActive());
    await second.ingester.waitApplied(new Map([[3, 1]]));
  });

  it('comes back for them when the others are gone', async () => {
    const first = await begin('host-1');
    const second = await begin('host-2');
    await settled(() => serves(first, 2)() && serves(second, 2)() && allActive());
    await first.ask('POST', DOWNSCALE);
    await settled(serves(second, 4));
    await stopped(world.clock, second.ingester);
    await settled(serves(first, 4));
    expect(await first.ask('DELETE', DOWNSCALE)).toBe(200);
    await settled(allActive);
  });

  it('drains on after a restart, and no more after a stop for good', async () => {
    const first = await begin('host-1');
    const second = await begin('host-2');
    await settled(() => serves(first, 2)() && serves(second, 2)() && allActive());
    await second.ask('POST', DOWNSCALE);
    await settled(() => serves(first, 4)() && allActive());
    await second.kill();
    const again = await begin('host-2');
    expect(view().instances.get('host-2')?.drainingSinceMs).toBe(world.clock.nowMs());
    expect(owned(again)).toEqual([]);
    await again.ask('POST', 'prepare-shutdown');
    await stopped(world.clock, again.ingester);
    const anew = await begin('host-2');
    await settled(() => serves(first, 2)() && serves(anew, 2)());
    expect(view().instances.get('host-2')?.drainingSinceMs).toBe(undefined);
  });

  it('in one of two zones leaves the other as it is', async () => {
    const first = await begin('host-1', { zone: 'a' });
    const second = await begin('host-2', { zone: 'b' });
    await settled(() => owned(first).length === 4 && owned(second).length === 4 && allActive());
    await first.ask('POST', DOWNSCALE);
    expect(new Set(states())).toEqual(new Set(['INACTIVE for host-1']));
    expect(owned(first).length).toBe(4);
    await first.ask('DELETE', DOWNSCALE);
    expect(allActive()).toBe(true);
  });
});

describe('a partition that moves', () => {
  /** Asks whom the cluster names, again and again; what is not answered whole is kept. */
  function ask(nodes: readonly Node[], partition: number, expected: readonly string[]) {
    const wrong: unknown[] = [];
    const asked = new Set<string>();
    let running = true;
    const done = (async () => {
      while (running) {
        const name = answererOf(view().owners.get(`${partition}/`)!);
        const node = nodes.find((one) => one.name === name);
        asked.add(String(name));
        await (node === undefined
          ? Promise.reject(new Error(`nobody: ${name}`))
          : readAll(node.ingester, [partition])
        ).then(
          ({ samples }) => {
            if (String(samples) !== String(expected)) wrong.push(samples);
          },
          (error) => wrong.push(error),
        );
        await world.clock.yield();
      }
    })();
    return {
      async stop() {
        running = false;
        await done;
        return { wrong, asked: [...asked].sort() };
      },
    };
  }

  it('is answered all the time while one comes, drains, comes back and stops', async () => {
    const first = await begin('host-1');
    await settled(serves(first, 4));
    const nodes = [first];
    await world.push([sample('up', 0, 1)], 3);
    await first.ingester.waitApplied(new Map([[3, 1]]));
    const { samples } = await readAll(first.ingester, [3]);
    const asking = ask(nodes, 3, samples);
    const second = await world.beginWith({ hostName: 'host-2' });
    nodes.push(Object.assign(second, { name: 'host-2', ask: first.ask }) as Node);
    await settled(() => serves(nodes[1]!, 2)() && serves(first, 2)());
    world.clock.advance(2000);
    await first.ask('POST', DOWNSCALE);
    await settled(serves(nodes[1]!, 4));
    world.clock.advance(2000);
    await first.ask('DELETE', DOWNSCALE);
    await settled(() => serves(nodes[1]!, 2)() && serves(first, 2)());
    world.clock.advance(2000);
    await stopped(world.clock, nodes[1]!.ingester);
    await settled(serves(first, 4));
    expect(await asking.stop()).toEqual({ wrong: [], asked: ['host-1', 'host-2'] });
  });
});

describe('an ingester that stops', () => {
  const inBucket = async () => [...(await readBucket(world.bucket)).values()].flat();

  async function pushed(node: Node): Promise<void> {
    const [partition] = owned(node);
    await world.push([sample('up', 0, 1)], partition);
    await node.ingester.waitApplied(new Map([[partition!, 1]]));
  }

  it('ships what it holds when it is prepared and the last, not else', async () => {
    const first = await begin('host-1');
    const second = await begin('host-2');
    await settled(() => serves(first, 2)() && serves(second, 2)());
    await pushed(first);
    await second.ask('POST', 'prepare-shutdown');
    await first.ask('POST', 'prepare-shutdown');
    await first.ask('DELETE', 'prepare-shutdown');
    await stopped(world.clock, second.ingester);
    expect(await inBucket()).toEqual([]);
    await settled(serves(first, 4));
    await first.ask('POST', 'prepare-shutdown');
    await first.ingester.stop();
    expect(await inBucket()).toHaveLength(1);
  });

  it('ships it when it is shut down over HTTP, and stays down', async () => {
    const first = await begin('host-1');
    await settled(serves(first, 4));
    await pushed(first);
    expect(await first.ask('POST', 'shutdown')).toBe(204);
    expect([first.ingester.stopped, first.workersClosed]).toEqual([true, true]);
    expect(first.ingester.readiness().ready).toBe(false);
    expect(await inBucket()).toHaveLength(1);
    expect(await first.ask('POST', 'shutdown')).toBe(204);
    expect(await first.ask('GET', 'prepare-shutdown')).toBe(503);
    expect(view().instances.size).toBe(0);
  });

  it('ships it where that is configured', async () => {
    const first = await begin('host-1', { flags: { flushOnShutdown: true } });
    await settled(serves(first, 4));
    await pushed(first);
    await first.ingester.stop();
    expect(await inBucket()).toHaveLength(1);
  });

  it('tells the group whether it comes back', async () => {
    const closes: unknown[] = [];
    const { join: joinLog } = world.log;
    world.log.join = async (...args) => {
      const member = await joinLog(...args);
      return Object.assign(Object.create(member), {
        commit: member.commit,
        close: (options: unknown) => {
          closes.push(options);
          return member.close();
        },
      });
    };
    const node = await begin('host-1', { flags: { unregisterOnShutdown: false } });
    await node.ingester.stop();
    const prepared = await begin('host-1', { flags: { unregisterOnShutdown: false } });
    await prepared.ask('POST', 'prepare-shutdown');
    await prepared.ingester.stop();
    await (await begin('host-1')).ingester.stop();
    expect(closes).toEqual([{ stay: true }, { stay: false }, { stay: false }]);
  });
});
