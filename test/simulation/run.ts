// One seed from beginning to end: boot, a number of steps in which senders push, readers read and things
// break, then healing, and the last look: everything acknowledged is there, from heads and from the bucket
// alone.
import { labelsOf } from '@weir/model';
import { Agent } from './agents.ts';
import { unmountAll } from './disk/fs-promises.ts';
import {
  createMemoryStoreNode,
  type OpenableStore,
  type StoreWorld,
} from './disk/memory-store-node.ts';
import { Operators } from './operators.ts';
import { ALL_T, eventualRead, strongRead } from './reading.ts';
import { encodeWrite1 } from './samples.ts';
import { emptyHistogram } from './scraped-series.ts';
import { Violation } from './violation.ts';
import { type Host, World } from './world.ts';

const STEP_MEAN_MS = 900_000;
const BOOT_MS = 120_000;
/** Within this, views of the cluster are the same when nothing changes. */
const VIEWS_MS = 30_000;
const SETTLE_MS = 3_600_000;
const HOUR_MS = 3_600_000;
const FLUSH_ROUNDS = 6;
const READ_ATTEMPTS = 5;
const READ_PAUSE_MS = 60_000;
const FLUSH_PAUSE_MS = 600_000;
const UNDO_ROUNDS = 60;
const UNDO_PAUSE_MS = 60_000;

export interface RunSettings {
  readonly seed: number;
  readonly steps: number;
  readonly createStore?: (world: StoreWorld) => OpenableStore;
  readonly print?: (line: string) => void;
}

export interface RunResult {
  readonly seed: number;
  readonly traceHash: string;
  readonly events: number;
  readonly coverage: ReadonlyMap<string, number>;
  /** Undefined when all invariants held. */
  readonly failure: unknown;
  readonly traceTail: readonly string[];
}

export async function runSeed(settings: RunSettings): Promise<RunResult> {
  const { seed, print } = settings;
  const createStore = settings.createStore ?? createMemoryStoreNode;
  const world = new World({ seed, createStore, ...(print && { print }) });
  const onRejection = (error: unknown) => {
    world.failure ??= new Error(`unhandled rejection: ${describe(error)}`);
  };
  process.on('unhandledRejection', onRejection);
  try {
    await live(world, settings.steps);
  } catch (error) {
    world.failure ??= error;
  } finally {
    process.off('unhandledRejection', onRejection);
    unmountAll();
  }
  const { scheduler, coverage, failure } = world;
  coverage.note('events', scheduler.events);
  coverage.note('samples logged', world.model.samples);
  coverage.note('synthetic zeros', world.model.zeros);
  coverage.note('virtual hours', Math.round((scheduler.nowMs - scheduler.startMs) / HOUR_MS));
  const { traceHash, traceTail, events } = scheduler;
  return { seed, traceHash, events, coverage: coverage.counts, failure, traceTail };
}

async function live(world: World, steps: number): Promise<void> {
  const dice = world.dice.fork('life');
  for (const host of world.hosts) world.start(host);
  await advance(world, BOOT_MS);
  const tenants = ['tenant-a', 'tenant-b', 'tenant-c'].slice(0, dice.int(1, 3));
  const plans = new Map<string, number[]>();
  for (const tenant of tenants) {
    const windows = [0, 600_000, 1_800_000, 3_600_000, 2 * HOUR_MS, 5 * HOUR_MS];
    const count = dice.pick([1, 1, 2]);
    plans.set(
      tenant,
      Array.from({ length: count }, () => dice.pick(windows)),
    );
    world.plan(tenant, plans.get(tenant)!);
  }
  const limits = world.dice.fork('limits');
  for (const tenant of tenants) limitSome(world, limits, tenant);
  const agents = tenants.flatMap((tenant) =>
    Array.from({ length: dice.int(1, 2) }, (_, at) => {
      return new Agent(tenant, `agent-${at}`, world, dice.fork(`${tenant}/${at}`));
    }),
  );
  world.onAcknowledged = (tenant) => {
    if (dice.chance(0.05)) readOwnWrites(world, dice, tenant);
  };
  const looks = world.dice.fork('looks');
  world.heads.onFirstRecords = () => {
    const afterMs = looks.pick([10, 100, 1_000, 5_000]);
    world.scheduler.after(afterMs, undefined, 'look', () => look(world, looks, tenants));
  };
  const operators = new Operators(world, world.dice.fork('operators'), () =>
    look(world, looks, tenants),
  );
  for (let step = 0; step < steps; step++) {
    for (const agent of agents) if (dice.chance(0.9)) agent.work();
    breakThings(world, dice);
    operators.work();
    if (world.faults.happens(world.faults.rates.bug)) world.bugs.meet(dice.pick(tenants));
    if (dice.chance(0.5)) readSomething(world, dice, tenants);
    if (dice.chance(0.03)) flush(world, dice);
    if (dice.chance(0.02)) reconfigure(world, dice, plans);
    if (dice.chance(0.05)) liftSeriesLimit(world, dice, tenants);
    if (dice.chance(0.1)) world.guard(() => world.heads.comparePairs());
    if (dice.chance(0.05)) await replaySome(world, dice);
    await advance(world, dice.next() * 2 * STEP_MEAN_MS);
  }
  await healAndCheck(world, tenants, agents, operators);
}

/** Limits that bind in some of the worlds; what they refuse has to be counted. */
function limitSome(world: World, dice: Dice, tenant: string): void {
  if (dice.chance(0.15)) {
    const perMetric = dice.chance(0.3);
    const max = dice.int(1, 6);
    world.limitSeries(tenant, perMetric ? { seriesPerMetricMax: max } : { seriesMax: max });
  }
  const exemplarsMax = dice.pick([0, 5, 50, 100_000]);
  const metadataPerMetricMax = dice.pick([0, 0, 1]);
  // What a larger shard had is not asked for, so it stays.
  const shardSize = dice.pick([0, 0, 1, 2]);
  world.configure(tenant, { exemplarsMax, metadataPerMetricMax, shardSize });
}

/** 0 is no limit: what was refused is gone, what comes from now on stays. */
function liftSeriesLimit(world: World, dice: Dice, tenants: readonly string[]): void {
  const limited = tenants.filter((tenant) => world.isLimited(tenant));
  if (limited.length === 0) return;
  world.coverage.note('series limit changed');
  const tenant = dice.pick(limited);
  world.limitSeries(tenant, { seriesMax: dice.pick([0, 3]), seriesPerMetricMax: 0 });
}

async function advance(world: World, ms: number, done?: () => boolean): Promise<void> {
  const { scheduler } = world;
  const untilMs = scheduler.nowMs + ms;
  await scheduler.runUntil(untilMs, () => world.failure !== undefined || (done?.() ?? false));
  if (world.failure !== undefined) throw world.failure;
}

type Dice = World['dice'];

function breakThings(world: World, dice: Dice): void {
  const { faults, scheduler, coverage } = world;
  const { rates } = faults;
  if (faults.happens(rates.logOutage)) {
    coverage.note('log outage');
    faults.breakLog(dice.int(1_000, 300_000));
  }
  if (faults.happens(rates.bucketOutage)) {
    coverage.note('bucket outage');
    faults.breakBucket(dice.int(1_000, 3_600_000));
  }
  if (faults.happens(rates.truncate)) truncate(world);
  if (faults.happens(rates.poison)) poison(world, dice);
  if (faults.happens(rates.poison)) badHistogram(world, dice, dice.pick(['tenant-a', 'tenant-b']));
  for (const host of world.hosts) {
    const { process } = host;
    if (process === undefined) continue;
    if (faults.happens(rates.crash)) process.crashIn = dice.int(1, dice.pick([5, 50, 500]));
    else if (faults.happens(rates.pause)) {
      const forMs = dice.int(1_000, 200_000);
      coverage.note('pause');
      process.pausedUntilMs = scheduler.nowMs + forMs;
      faults.disturb(forMs);
      world.coordinator.silence(process, process.pausedUntilMs);
    } else if (faults.happens(rates.heldBack)) {
      coverage.note('view of the cluster held back');
      faults.holdBack(process, dice.int(1_000, 400_000));
    } else if (host.kind === 'ingester' && faults.happens(rates.silence)) {
      coverage.note('group member silent');
      world.coordinator.silence(process, scheduler.nowMs + dice.int(1_000, 400_000));
    } else if (host.kind === 'ingester' && faults.happens(rates.gracefulStop)) {
      stopGracefully(world, host);
    }
  }
}

/** A record that can't be read, or is nobody's: whoever else writes to the topic. */
function poison(world: World, dice: Dice): void {
  world.coverage.note('poison record');
  const partition = dice.int(0, world.topic.partitions.length - 1);
  const key = Buffer.from(dice.pick(['tenant-a', 'tenant-b', 'tenant-poison', '../etc', '']));
  const broken = Buffer.from([0x0a, 0x20, ...dice.bytes(dice.int(0, 16))]);
  const value = dice.pick([broken, Buffer.from([0xff]), Buffer.alloc(0)]);
  world.topic.append({ partition, key, value, version: dice.pick([0, 1, 2, 9]) });
}

/** A histogram whose counts disagree, as a distributor of Mimir's lets it pass: it alone is refused. */
function badHistogram(world: World, dice: Dice, tenant: string): void {
  const t = Math.floor(world.scheduler.nowMs);
  const labels = labelsOf({ __name__: 'poison', from: 'elsewhere' });
  const beside = labelsOf({ __name__: 'poisoned', from: 'elsewhere' });
  const v = { ...emptyHistogram(), count: 3, zeroCount: dice.pick([1, 3]) };
  const samples = [
    { labels, t, v, createdMs: 0 },
    { labels: beside, t, v: 1, createdMs: 0 },
  ];
  const value = encodeWrite1({ samples, metadata: [] });
  const partition = dice.int(0, world.topic.partitions.length - 1);
  world.topic.append({ partition, key: Buffer.from(tenant), value, version: dice.pick([0, 1]) });
}

function truncate(world: World): void {
  world.topic.partitions.forEach((_, partition) => {
    const committed = world.committedByAll(partition);
    if (committed <= world.topic.starts[partition]!) return;
    world.coverage.note('log truncated');
    world.topic.truncate(partition, committed);
  });
}

function stopGracefully(world: World, host: Host): void {
  const { node } = host;
  if (node === undefined) return;
  world.coverage.note('graceful stop');
  const exit = () => {
    if (host.node === node) world.stopped(host);
  };
  // A process whose stop fails ends all the same.
  node.ingester.stop().then(exit, exit);
}

function readSomething(world: World, dice: Dice, tenants: readonly string[]): void {
  const fronts = world.fronts();
  if (fronts.length === 0) return;
  const { nowMs } = world.scheduler;
  const maxT = dice.chance(0.2) ? ALL_T : Math.floor(nowMs) + dice.pick([0, HOUR_MS]);
  const minT = Math.floor(nowMs) - dice.pick([HOUR_MS, 3 * HOUR_MS, 100 * HOUR_MS]);
  const range = { tenant: dice.pick(tenants), minT, maxT };
  const front = dice.pick(fronts);
  const reading = dice.chance(0.4)
    ? strongRead(world, front, range)
    : eventualRead(world, front, range);
  reading.catch((error) => {
    world.failure ??= error;
  });
}

/** Reads everything while a head may still be catching up: its owner must not answer before it has. */
function look(world: World, dice: Dice, tenants: readonly string[]): void {
  const tenant = dice.pick(tenants);
  const fronts = world.fronts();
  if (fronts.length === 0) return;
  const range = { tenant, minT: -ALL_T, maxT: ALL_T };
  eventualRead(world, dice.pick(fronts), range).catch((error) => {
    world.failure ??= error;
  });
}

/** Read at once, while what was acknowledged may still be on its way to the heads. */
function readOwnWrites(world: World, dice: Dice, tenant: string): void {
  const fronts = world.fronts();
  if (fronts.length === 0) return;
  const maxT = Math.floor(world.scheduler.nowMs) + HOUR_MS;
  const range = { tenant, minT: maxT - 2 * HOUR_MS, maxT };
  strongRead(world, dice.pick(fronts), range).catch((error) => {
    world.failure ??= error;
  });
}

function flush(world: World, dice: Dice): void {
  const nodes = world.ingesters();
  if (nodes.length === 0) return;
  world.coverage.note('flush');
  dice
    .pick(nodes)
    .ingester.flush({ wait: true })
    .catch(() => world.coverage.note('flush failed'));
}

function reconfigure(world: World, dice: Dice, plans: ReadonlyMap<string, readonly number[]>) {
  world.coverage.note('settings changed');
  const [tenant, windows] = dice.pick([...plans]);
  world.configure(tenant, { outOfOrderWindowMs: dice.pick(windows) });
}

async function replaySome(world: World, dice: Dice): Promise<void> {
  const open = [...world.heads.open].filter(({ process }) => process.alive);
  if (open.length > 0) await world.heads.replay(dice.pick(open));
}

/** Everything works again: all that was acknowledged must be readable, from heads and from blocks alone. */
async function healAndCheck(
  world: World,
  tenants: readonly string[],
  agents: readonly Agent[],
  operators: Operators,
): Promise<void> {
  world.faults.heal();
  world.mendBugs();
  for (const host of world.hosts) {
    if (host.process !== undefined) host.process.crashIn = 0;
    if (host.process === undefined && !host.restarting) world.start(host);
  }
  await undoOperations(world, operators);
  const ready = () =>
    agents.every(({ busy }) => !busy) &&
    world.hosts.every(({ node, front }) => front || node?.ingester.readiness().ready);
  await advance(world, SETTLE_MS, ready);
  if (!ready())
    throw new Violation(10, 'heal', `not ready an hour after all was well: ${why(world)}`);
  world.guard(() => world.heads.comparePairs());
  for (const head of [...world.heads.open]) await world.heads.replay(head);
  await readAll(world, tenants);
  await flushAll(world);
  await readAll(world, tenants);
  await compareViews(world);
}

/** What was appended last may still be on its way to some of them. */
async function compareViews(world: World): Promise<void> {
  let found: Violation | undefined;
  await advance(world, VIEWS_MS, () => {
    found = undefined;
    for (const { process, cluster } of [...world.fronts(), ...world.ingesters()]) {
      found ??= world.membership.compare(process.name, cluster.view);
    }
    return found === undefined;
  });
  if (found !== undefined) throw found;
}

/** Everybody who is away comes back, and nobody is about to go. */
async function undoOperations(world: World, operators: Operators): Promise<void> {
  for (let round = 0; round < UNDO_ROUNDS; round++) {
    let done: boolean | undefined;
    operators.undo().then(
      (all) => {
        done = all;
      },
      () => {
        done = false;
      },
    );
    await advance(world, UNDO_PAUSE_MS, () => done === true);
    if (done) return;
  }
  throw new Violation(
    10,
    'heal',
    `instances still drain an hour after all was well: ${why(world)}`,
  );
}

async function readAll(world: World, tenants: readonly string[]): Promise<void> {
  for (const tenant of tenants) {
    for (let attempt = 1; !(await readWhole(world, tenant)); attempt++) {
      if (attempt === READ_ATTEMPTS) {
        throw new Violation(1, 'final read', `no answer for ${tenant}: ${why(world)}`);
      }
      await advance(world, READ_PAUSE_MS);
    }
  }
}

/** Whether there was an answer; a front may hear of an owner a moment late. */
async function readWhole(world: World, tenant: string): Promise<boolean> {
  const [front] = world.fronts();
  let answered: boolean | undefined;
  strongRead(world, front!, { tenant, minT: -ALL_T, maxT: ALL_T }, 'final').then(
    (got) => {
      answered = got;
    },
    (error) => {
      world.failure ??= error;
    },
  );
  await advance(world, SETTLE_MS, () => answered !== undefined);
  return answered === true;
}

/** More than once: the first flush after a change of shippers may find out about it. */
async function flushAll(world: World): Promise<void> {
  for (let round = 1; ; round++) {
    const problem = await flushOnce(world);
    if (problem === undefined && world.shipping.nothingLeft()) return;
    if (round === FLUSH_ROUNDS) {
      if (problem === undefined) world.shipping.allShipped();
      throw new Violation(5, 'flush', `flush of a healthy world failed: ${describe(problem)}`);
    }
    await advance(world, FLUSH_PAUSE_MS);
  }
}

async function flushOnce(world: World): Promise<unknown> {
  let waiting = 0;
  let problem: unknown;
  for (const { ingester } of world.ingesters()) {
    waiting++;
    ingester
      .flush({ wait: true })
      .catch((error) => {
        problem ??= error;
      })
      .finally(() => waiting--);
  }
  await advance(world, SETTLE_MS, () => waiting === 0);
  return waiting > 0 ? new Error('it did not end within an hour') : problem;
}

function why(world: World): string {
  return world.hosts
    .map(({ name, node, front }) => {
      if (front !== undefined) return `${name} up`;
      return `${name} ${node?.ingester.readiness().reason ?? 'not started'}`;
    })
    .join('; ');
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
