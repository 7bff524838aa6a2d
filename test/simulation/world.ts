// One simulated world: brokers, bucket, disks and hosts, the processes on them, and the checkers that see
// everything. What happens in it, and when, is run.ts's and the seed's.
import { createMemoryBucket } from '@weir/bucket/memory';
import { defaultsOf } from '@weir/config';
import type { IngesterFlagSettings } from '@weir/ingester';
import { createLimits, type Limits, limitsFlags, type TenantLimits } from '@weir/limits';
import { Coordinator, Topic } from './broker.ts';
import { Bugs } from './bugs.ts';
import { checkLogged } from './checks/answers.ts';
import { HeadChecks, type StoreHistory } from './checks/heads.ts';
import { MembershipChecks } from './checks/membership.ts';
import { ShippingChecks } from './checks/shipping.ts';
import { Coverage } from './coverage.ts';
import { createDice, type Dice } from './dice.ts';
import { Disk } from './disk/disk.ts';
import type { OpenableStore, StoreWorld } from './disk/memory-store-node.ts';
import { Faults, ratesOf } from './faults.ts';
import { Model, type SettingsBounds } from './model.ts';
import {
  type FrontNode,
  type IngesterNode,
  type NodeParts,
  startFront,
  startIngester,
} from './nodes.ts';
import { SimProcess } from './process.ts';
import { VersionMix } from './record-versions.ts';
import type { AgentSample, ProtocolVersion } from './samples.ts';
import { Scheduler } from './scheduler.ts';
import { Violation } from './violation.ts';

export const START_MS = Date.UTC(2026, 0, 1, 0, 17);
const SKEW_MAX_MS = 20_000;
const CONTENT_TYPES = {
  1: 'application/x-protobuf',
  2: 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
} as const;

export interface WorldSettings {
  readonly seed: number;
  readonly createStore: (world: StoreWorld) => OpenableStore;
  readonly print?: (line: string) => void;
}

export interface WorldPush {
  readonly tenant: string;
  readonly samples: readonly AgentSample[];
  readonly body: Uint8Array;
  readonly version: ProtocolVersion;
}

export interface Host {
  readonly name: string;
  readonly zone: string;
  readonly kind: 'ingester' | 'front';
  readonly disk: Disk;
  readonly skewMs: number;
  process: SimProcess | undefined;
  node: IngesterNode | undefined;
  front: FrontNode | undefined;
  restarting: boolean;
}

export class World {
  readonly seed: number;
  readonly dice: Dice;
  readonly scheduler: Scheduler;
  readonly coverage = new Coverage();
  readonly faults: Faults;
  readonly topic: Topic;
  readonly coordinator: Coordinator;
  readonly model: Model;
  readonly heads: HeadChecks;
  readonly shipping: ShippingChecks;
  readonly membership: MembershipChecks;
  readonly hosts: readonly Host[];
  readonly bugs: Bugs;
  readonly limits: Limits;
  failure: unknown;
  /** Called at the moment a push was acknowledged. */
  onAcknowledged: ((tenant: string) => void) | undefined;
  readonly #overrides = new Map<string, Partial<TenantLimits>>();
  readonly #bounds = new Map<string, SettingsBounds>();
  readonly #parts: NodeParts;
  #incarnations = 0;

  constructor({ seed, createStore, print }: WorldSettings) {
    this.seed = seed;
    const dice = createDice(seed);
    this.dice = dice;
    this.scheduler = new Scheduler(START_MS, dice.fork('order'), print);
    const { scheduler, coverage } = this;
    this.faults = new Faults(ratesOf(dice.fork('rates')), scheduler, dice.fork('faults'), coverage);
    const partitions = dice.int(1, 4);
    const versions = new VersionMix(dice.fork('versions'), coverage);
    this.model = new Model(partitions, (tenant) => this.boundsOf(tenant));
    const store = createMemoryBucket({ clock: { nowMs: () => scheduler.nowMs } as never });
    this.shipping = new ShippingChecks(this.model, store, coverage);
    this.topic = new Topic(idOf(dice), partitions, scheduler, {
      written: (record) => {
        this.guard(() => this.membership.written(record.partition, scheduler.nowMs));
        return versions.written(record);
      },
      appended: (partition, record, sent) => {
        this.guard(() => this.model.appended(partition, record, sent));
        this.bugs.appended(partition, record);
      },
      committed: (group, partition, offset) =>
        this.guard(() => this.shipping.groupCommitted(group, partition, offset)),
    });
    this.membership = new MembershipChecks(coverage);
    const clusterTopic = new Topic(`cluster-${idOf(dice)}`, 1, scheduler, {
      appended: (_, record) => this.membership.appended(record),
      committed: () => undefined,
    });
    this.coordinator = new Coordinator(this.topic, scheduler);
    this.heads = new HeadChecks(
      this,
      (line) => scheduler.note(line),
      (check) => this.guard(check),
    );
    this.bugs = new Bugs(this);
    this.heads.beforeApply = (partition, record) => this.bugs.check(partition, record);
    this.limits = createLimits(defaultsOf(limitsFlags), (tenant) => this.#overrides.get(tenant));
    this.hosts = this.#makeHosts();
    this.#parts = {
      topic: this.topic,
      clusterTopic,
      coordinator: this.coordinator,
      store,
      faults: this.faults,
      coverage,
      limits: this.limits,
      flags: flagsOf(dice.fork('flags')),
      heads: this.heads,
      shipping: this.shipping,
      createStore: () => createStore({ scheduler, faults: this.faults }),
      histories: new WeakMap<object, StoreHistory>(),
      failed: (error) => {
        this.failure ??= error;
        throw error;
      },
      guard: (check) => this.guard(check),
      readerAt: (address) => this.hosts.find(({ name }) => name === address)?.node,
    };
    for (let partition = 0; partition < partitions; partition++) {
      const entry = {
        kind: 'partition',
        partition,
        state: 'ACTIVE',
        sinceMs: START_MS,
        version: 1,
      };
      const key = Buffer.from(`partition/${partition}`);
      clusterTopic.append({
        partition: 0,
        key,
        value: Buffer.from(JSON.stringify(entry)),
        version: 0,
      });
    }
  }

  #makeHosts(): Host[] {
    const dice = this.dice.fork('hosts');
    const zones = dice.chance(0.5) ? ['a'] : ['a', 'b'];
    const hosts: Host[] = [];
    const add = (name: string, zone: string, kind: Host['kind']) => {
      const skewMs = dice.chance(0.5) ? 0 : dice.int(-SKEW_MAX_MS, SKEW_MAX_MS);
      const disk = new Disk();
      hosts.push({
        name,
        zone,
        kind,
        disk,
        skewMs,
        process: undefined,
        node: undefined,
        front: undefined,
        restarting: false,
      });
    };
    for (const zone of zones) {
      const count = dice.int(1, 2);
      for (let at = 1; at <= count; at++) add(`ingester-${zone}${at}`, zone, 'ingester');
    }
    for (let at = dice.int(1, 2); at > 0; at--) add(`front-${at}`, 'a', 'front');
    return hosts;
  }

  /** What a checker throws ends the run, wherever it was called from. */
  guard<T>(check: () => T): T {
    try {
      return check();
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  start(host: Host): void {
    const name = `${host.name}.${++this.#incarnations}`;
    const dice = this.dice.fork(name);
    const process = new SimProcess(name, this.scheduler, dice, host.skewMs, () => this.crash(host));
    host.process = process;
    this.scheduler.note(`${name} starts`);
    const started =
      host.kind === 'front'
        ? startFront(process, this.#parts).then((front) => {
            host.front = front;
          })
        : startIngester({ host: host.name, zone: host.zone }, process, host.disk, this.#parts).then(
            (node) => {
              host.node = node;
            },
          );
    started.catch((error) => {
      this.coverage.note('start failed');
      this.scheduler.note(`${name} could not start: ${String(error)}`);
      if (host.process === process) this.crash(host);
    });
  }

  /** kill -9; what its disk loses by it is decided by the caller. */
  crash(host: Host): void {
    const { process } = host;
    if (process === undefined) return;
    this.scheduler.note(`${process.name} dies`);
    this.coverage.note('crash');
    process.die();
    this.heads.forgetDead();
    this.coordinator.silence(process, Number.POSITIVE_INFINITY);
    this.#loseWhatCrashesLose(host);
    this.#down(host);
  }

  /** It ended by itself; it comes back after a while. */
  stopped(host: Host, awayMs?: number): void {
    host.process?.die();
    this.heads.forgetDead();
    this.#down(host, awayMs);
  }

  #down(host: Host, awayMs?: number): void {
    host.process = undefined;
    host.node = undefined;
    host.front = undefined;
    host.restarting = true;
    const waitMs = awayMs ?? this.dice.pick([1_000, 30_000, 120_000, 900_000]);
    this.scheduler.after(waitMs, undefined, `${host.name} restarts`, () => {
      host.restarting = false;
      this.start(host);
    });
  }

  #loseWhatCrashesLose({ disk, kind }: Host): void {
    if (kind === 'front') return;
    const { rates } = this.faults;
    if (this.faults.happens(rates.diskLoss)) {
      this.coverage.note('disk lost');
      disk.clear();
    } else if (this.faults.happens(rates.powerLoss)) {
      this.coverage.note('power lost');
      disk.powerLoss(this.dice);
    }
    if (this.faults.happens(rates.storeDamage)) this.#damageStore(disk);
  }

  #damageStore(disk: Disk): void {
    const stores = disk.stores() as OpenableStore[];
    if (stores.length === 0 || !this.dice.pick(stores).damage(this.dice)) return;
    this.coverage.note('store damaged');
  }

  /** A new program everywhere, and heads rebuilt where tenants are parked: as operators are told to do. */
  mendBugs(): void {
    if (!this.bugs.mend()) return;
    for (const host of this.hosts) {
      if (host.kind === 'front') continue;
      this.crash(host);
      host.disk.clear();
    }
  }

  /** What every zone's group has committed of a partition. */
  committedByAll(partition: number): number {
    const groups = new Set(this.hosts.map(({ zone }) => `weir-${zone}`));
    const offsets = [...groups].map((group) => {
      return this.shipping.committed.get(`${group}/${partition}`) ?? 0;
    });
    return Math.min(...offsets);
  }

  fronts(): FrontNode[] {
    return this.hosts.flatMap(({ front }) => front ?? []);
  }

  ingesters(): IngesterNode[] {
    return this.hosts.flatMap(({ node }) => node ?? []);
  }

  /**
   * Names the out-of-order windows that a tenant may get. Records may be replayed under any of them, so
   * what must be kept is what all of them accept.
   */
  plan(tenant: string, windowsMs: readonly number[]): void {
    this.#bounds.set(tenant, {
      windowMinMs: Math.min(...windowsMs),
      windowMaxMs: Math.max(...windowsMs),
      limited: false,
      mayForget: this.#mayForget,
    });
    this.configure(tenant, { outOfOrderWindowMs: windowsMs[0]! });
  }

  /** What is over the limit is refused, and which series came first is the heads' to say. */
  limitSeries(
    tenant: string,
    limits: Partial<Pick<TenantLimits, 'seriesMax' | 'seriesPerMetricMax'>>,
  ): void {
    this.#bounds.set(tenant, { ...this.boundsOf(tenant), limited: true });
    this.configure(tenant, limits);
  }

  isLimited(tenant: string): boolean {
    return this.boundsOf(tenant).limited;
  }

  configure(tenant: string, limits: Partial<TenantLimits>): void {
    this.#overrides.set(tenant, { ...this.#overrides.get(tenant), ...limits });
    this.limits.reload();
  }

  /** How many exemplars of a tenant a head keeps. */
  exemplarsKept(tenant: string): number {
    return Math.ceil(this.limits.forTenant(tenant).exemplarsMax / this.topic.partitions.length);
  }

  isMetadataLimited(tenant: string): boolean {
    const { metadataMax, metadataPerMetricMax } = this.limits.forTenant(tenant);
    return metadataMax > 0 || metadataPerMetricMax > 0;
  }

  /** Heads are rebuilt where a tenant was parked, and no snapshots are taken of such. */
  get #mayForget(): boolean {
    return this.faults.rates.bug > 0;
  }

  boundsOf(tenant: string): SettingsBounds {
    const known = this.#bounds.get(tenant);
    if (known !== undefined) return known;
    const { outOfOrderWindowMs: window, seriesMax } = this.limits.forTenant(tenant);
    const limited = seriesMax > 0;
    return { windowMinMs: window, windowMaxMs: window, limited, mayForget: this.#mayForget };
  }

  /** Pushes through some front; 0 when there was no answer. */
  async push({ tenant, samples, body, version }: WorldPush, patienceMs: number): Promise<number> {
    const fronts = this.fronts();
    if (fronts.length === 0) return 0;
    const front = this.dice.pick(fronts);
    const request = {
      tenant,
      contentType: CONTENT_TYPES[version],
      contentEncoding: 'snappy',
      retryAttempt: undefined,
      body,
    };
    const noAnswer = new Promise<number>((resolve) => {
      front.process.onDeath(() => resolve(0));
      void this.scheduler.after(patienceMs, undefined, 'push patience', () => resolve(0));
    });
    const answered = front.distributor.push(request).then(({ status, body: text }) => {
      this.coverage.note(`push answered ${status}`);
      if (status >= 200 && status < 300) {
        this.guard(() => checkLogged(this.model, tenant, samples));
        this.onAcknowledged?.(tenant);
      }
      if (status >= 400 && status < 500) this.scheduler.note(`push refused: ${text}`);
      return status;
    });
    return Promise.race([answered, noAnswer]);
  }

  appliedBeforeMs(lagMs: number): number {
    return this.faults.appliedBeforeMs(lagMs);
  }

  readFailed(error: unknown): false {
    const message = error instanceof Error ? error.message : String(error);
    if (this.faults.calm) throw new Violation(8, 'gap', `a read failed for no reason: ${message}`);
    this.coverage.note('read failed');
    this.scheduler.note(`read failed: ${message}`);
    return false;
  }
}

/** Half of the worlds cut series early that get no samples, some close idle tenants soon. */
function flagsOf(dice: Dice): Partial<IngesterFlagSettings> {
  const early = dice.chance(0.5);
  return {
    earlySeriesMin: early ? dice.int(1, 4) : 0,
    earlyReductionPercentMin: dice.pick([1, 15, 50]),
    activeSeriesIdleMs: dice.pick([300_000, 1_200_000]),
    closeIdleMs: dice.pick([13, 2, 1]) * 3_600_000,
    unregisterOnShutdown: dice.chance(0.7),
  };
}

function idOf(dice: Dice): string {
  return Buffer.from(dice.bytes(16)).toString('hex');
}
