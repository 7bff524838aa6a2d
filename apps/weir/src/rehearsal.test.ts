// When a process rehearses, over partitions and a querier in this thread: not before it is ready and has rested, at
// half of the time, and without a trace. Time passes when it is slept.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultsOf } from '@weir/config';
import { openPartitionHead } from '@weir/head';
import { createMemoryHeadStore } from '@weir/head/memory';
import { createInlineWorkers, createUlids, type PartitionWorkers } from '@weir/ingester';
import { createQuerier, type QueryAnswer, type QueryRequest, querierFlags } from '@weir/querier';
import type { OwnerDirectory } from '@weir/query';
import { type Clock, seededRandom, systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rehearsing, startRehearsing } from './rehearsal.ts';

/** What a step takes. */
const STEP_MS = 7;
const NOTHING = { data: [] };

let dataDir: string;
let workers: PartitionWorkers;
let nowMs: number;
let slept: number[];
let logged: string[];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'weir-rehearsing-'));
  nowMs = 0;
  slept = [];
  logged = [];
  workers = createInlineWorkers({
    openStore: async () => createMemoryHeadStore(),
    openHead: (partition, store) => openPartitionHead({ partition }, { store }),
    clock: systemClock,
    nextUlid: createUlids(systemClock, seededRandom(1)),
  });
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const clock: Clock = {
  ...systemClock,
  nowMs: () => nowMs,
  steadyMs: () => nowMs,
  async sleep(ms, signal) {
    slept.push(ms);
    nowMs += ms;
    await systemClock.yield();
    signal?.throwIfAborted();
  },
};

type Execute = (request: QueryRequest, owners: OwnerDirectory) => Promise<QueryAnswer>;

const ok: Execute = async () => {
  nowMs += STEP_MS;
  return { status: 200, headers: {}, body: new Uint8Array(0) };
};

function start(executeAt: Execute, ready = () => true): Rehearsing {
  const { log } = silentTelemetry();
  log.info = (...args: unknown[]) => void logged.push(`info ${args[1]}`);
  log.warn = (...args: unknown[]) => void logged.push(`warn ${args[1]}`);
  return startRehearsing(
    { dataDir },
    {
      ingester: { readiness: () => ({ ready: ready(), reason: '' }) },
      ...{ workers, clock, telemetry: { log }, executor: { executeAt } },
    },
  );
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await systemClock.yield();
}

async function expectNothingLeft(): Promise<void> {
  expect(await readdir(dataDir)).toEqual([]);
  const [partition] = workers.pinned(2 ** 30);
  const left = workers.hostOf(partition!).stats({ partition: partition! });
  await expect(left).rejects.toMatchObject({ kind: 'unavailable' });
}

describe('a rehearsal', () => {
  it('asks what has an answer over its series', async () => {
    const asked = new Map<string, object>();
    const settings = defaultsOf(querierFlags);
    const execute: Execute = async (request, owners) => {
      const key = JSON.stringify(request);
      if (asked.has(key)) return ok(request, owners);
      const catalog = { blocks: async () => [] };
      const parts = { owners, catalog, clock: systemClock, telemetry: silentTelemetry() };
      const answer = await createQuerier(settings, parts).execute(
        request,
        new AbortController().signal,
      );
      const pieces: Uint8Array[] = [];
      if (answer.body instanceof Uint8Array) pieces.push(answer.body);
      else for await (const piece of answer.body) pieces.push(piece);
      asked.set(key, JSON.parse(Buffer.concat(pieces).toString()));
      return { ...answer, body: pieces[0]! };
    };
    const rehearsing = start(execute);
    await until(() => logged.length > 0);
    await rehearsing.stop();
    expect(logged).toEqual(['info queries are rehearsed']);
    expect(asked.size).toBeGreaterThan(15);
    for (const [request, answer] of asked) {
      const { data } = { ...NOTHING, ...answer } as { data: unknown[] | { result: unknown[] } };
      const rows = Array.isArray(data) ? data : data.result;
      expect(rows.length, request).toBeGreaterThan(0);
      expect(answer, request).not.toHaveProperty('warnings');
    }
    await expectNothingLeft();
  });

  it('begins when the process is ready and still is after a rest, and rests as long as it works', async () => {
    const readiness = [false, true, false, true];
    let looks = 0;
    let asked = 0;
    const rehearsing = start(
      async (...args) => {
        expect(looks).toBeGreaterThan(readiness.length);
        asked++;
        return ok(...args);
      },
      () => readiness[looks++] ?? true,
    );
    await until(() => logged.length > 0);
    await rehearsing.stop();
    expect(slept.slice(0, 3)).toEqual([1500, 1500, 1500]);
    expect(slept.filter((ms) => ms === STEP_MS)).toHaveLength(asked);
    expect(logged).toEqual(['info queries are rehearsed']);
  });

  it('asks nothing while the process is not ready', async () => {
    let asked = 0;
    let notReady = 0;
    const rehearsing = start(
      async (...args) => {
        if (++asked === 5) notReady = 100;
        expect(asked > 5 && notReady > 0).toBe(false);
        return ok(...args);
      },
      () => notReady === 0 || --notReady === 0,
    );
    await until(() => logged.length > 0);
    await rehearsing.stop();
    expect(logged).toEqual(['info queries are rehearsed']);
    expect(slept.filter((ms) => ms === 1500)).toHaveLength(100);
  });

  it('is a warning when it fails, and nothing is left of it', async () => {
    let asked = 0;
    const rehearsing = start(async (...args) =>
      ++asked < 4 ? ok(...args) : { status: 503, headers: {}, body: Buffer.from('no owner') },
    );
    await until(() => logged.length > 0);
    expect(logged).toEqual(['warn queries are not rehearsed']);
    expect(asked).toBe(4);
    await expectNothingLeft();
    await rehearsing.stop();
  });

  it.each([0, 1, 20, 80, 200, 300])('is stopped after %i rests without a trace', async (rests) => {
    let asked = 0;
    const rehearsing = start(async (...args) => {
      asked++;
      return ok(...args);
    });
    await until(() => slept.length >= rests);
    const before = asked;
    await Promise.all([rehearsing.stop(), rehearsing.stop()]);
    expect(asked - before).toBeLessThanOrEqual(1);
    expect(logged).toEqual([]);
    await expectNothingLeft();
  });

  it('stops while a query does not answer, with the query', async () => {
    let reached = false;
    const rehearsing = startRehearsing(
      { dataDir },
      {
        ingester: { readiness: () => ({ ready: true, reason: '' }) },
        executor: {
          executeAt: (_request, _owners, signal) =>
            new Promise((_, reject) => {
              reached = true;
              signal.addEventListener('abort', () => reject(signal.reason));
            }),
        },
        ...{ workers, clock, telemetry: silentTelemetry() },
      },
    );
    await until(() => reached);
    await rehearsing.stop();
    await expectNothingLeft();
  });
});
