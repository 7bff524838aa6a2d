// What a query demands of owners, and that it waits for it without a place among running queries.
import { WeirError } from '@weir/errors';
import { demandOf, type OwnerDirectory, type ReadRequest } from '@weir/query';
import { systemClock } from '@weir/runtime';
import { Registry, strongConsistencyMetrics } from '@weir/telemetry';
import { describe, expect, it } from 'vitest';
import { createDemandingExecutor } from '../executor/demanding-executor.ts';
import type { QueryRequest } from '../query-request.ts';
import { createDemand } from './strong-reads.ts';

const never = new AbortController().signal;

function setUp(wait: () => Promise<void> = async () => undefined) {
  const requests: ReadRequest[] = [];
  const port = (partitions: readonly number[]) => ({
    partitions,
    port: {
      async *read(request: ReadRequest) {
        requests.push(request);
        await wait();
        yield new Uint8Array(0);
      },
    },
  });
  const owners: OwnerDirectory = { owners: async () => [port([0, 2]), port([1])] };
  let asked = 0;
  const registry = new Registry();
  const demand = createDemand({
    owners,
    clock: systemClock,
    metrics: strongConsistencyMetrics(registry),
    async lastProduced() {
      asked++;
      return new Map([
        [0, 10],
        [1, 11],
        [2, 12],
      ]);
    },
  });
  return { owners, requests, demand, registry, asked: () => asked };
}

describe('what a query demands', () => {
  it('is nothing when it is eventual, or a delay', async () => {
    const { demand, asked, requests } = setUp();
    expect(await demand('t', { level: 'eventual' }, never)).toEqual({});
    expect(await demand('t', { level: 'eventual', delayMaxMs: 5 }, never)).toEqual({
      delayMaxMs: 5,
    });
    expect([asked(), requests]).toEqual([0, []]);
  });

  it('is the end of the log, which its owners have come to', async () => {
    const { demand, requests, registry, asked } = setUp();
    const { positions } = await demand('t', { level: 'strong' }, never);
    expect(positions?.get(2)).toBe(12);
    expect(asked()).toBe(1);
    expect(
      requests.map(({ kind, partitions, positions }) => [kind, partitions, positions]),
    ).toEqual([
      ['position', [0, 2], [10, 12]],
      ['position', [1], [11]],
    ]);
    expect(await registry.metrics()).toContain(
      'cortex_ingest_storage_strong_consistency_requests_total{component="query-frontend",with_offset="false"} 1',
    );
  });

  it('is what the client names, and the log is asked only for what it left out', async () => {
    const { demand, requests, asked } = setUp();
    const all = new Map([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    await demand('t', { level: 'strong', positions: all }, never);
    expect(asked()).toBe(0);
    expect(requests.map(({ positions }) => positions)).toEqual([[1, 3], [2]]);
    requests.length = 0;
    await demand('t', { level: 'strong', positions: new Map([[0, 1]]) }, never);
    expect(asked()).toBe(1);
    expect(requests.map(({ positions }) => positions)).toEqual([[1, 12], [11]]);
  });

  it('goes with every read of the query, in the order of its partitions', async () => {
    const { owners, requests } = setUp();
    const directory = demandOf(owners, { positions: new Map([[2, 7]]), delayMaxMs: 9 });
    const base = { kind: 'select', tenant: 't', matchers: [], minT: 0, maxT: 1 } as const;
    for (const { port, partitions } of await directory.owners('t')) {
      for await (const _ of port.read({ ...base, partitions }, never));
    }
    expect(requests.map(({ positions, delayMaxMs }) => [positions, delayMaxMs])).toEqual([
      [[0, 7], 9],
      [[0], 9],
    ]);
  });
});

describe('a query that must wait', () => {
  const query = (level: 'strong' | 'eventual'): QueryRequest => ({
    tenant: 't',
    endpoint: 'query',
    params: [],
    consistency: { level },
  });

  function executing(wait: () => Promise<void>, timeoutMs = 60_000) {
    const { demand } = setUp(wait);
    const executed: QueryRequest[] = [];
    const executor = createDemandingExecutor(
      { timeoutMs },
      {
        demand,
        clock: systemClock,
        executor: {
          async execute(request) {
            executed.push(request);
            return { status: 200, headers: {}, body: new Uint8Array(0) };
          },
          close: async () => {},
        },
      },
    );
    return { executor, executed };
  }

  it('is not executed before, and others are meanwhile', async () => {
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { executor, executed } = executing(() => gate);
    const strong = executor.execute(query('strong'), never);
    await executor.execute(query('eventual'), never);
    expect(executed.map(({ demand }) => demand)).toEqual([undefined]);
    go();
    expect((await strong).status).toBe(200);
    expect(executed[1]).toMatchObject({ endpoint: 'query' });
    expect(executed[1]?.demand?.positions?.get(1)).toBe(11);
    expect(executed[1]?.consistency).toBeUndefined();
  });

  it('answers what the owner says when it does not come to it', async () => {
    const message = 'wait strong read consistency timeout exceeded';
    const { executor, executed } = executing(async () => {
      throw new WeirError('timeout', message, { status: 503 });
    });
    const { status, body } = await executor.execute(query('strong'), never);
    expect(status).toBe(503);
    expect(JSON.parse(Buffer.from(body as Uint8Array).toString())).toEqual({
      status: 'error',
      errorType: 'timeout',
      error: message,
    });
    expect(executed).toEqual([]);
  });

  it('rejects when its client has left', async () => {
    const client = new AbortController();
    const { executor } = executing(async () => {
      client.abort(new WeirError('canceled', 'gone'));
      throw new Error('aborted');
    });
    await expect(executor.execute(query('strong'), client.signal)).rejects.toThrow('gone');
  });
});
