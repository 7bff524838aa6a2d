// What people and rollout tools do to the cluster while it lives, by the routes and changes that weirctl and
// rollout-operator use: partitions are scaled down and up, instances are drained, taken back, or taken away for
// good and brought again. Worlds without any other trouble have them, too: there no read may fail.
import { putChanges, scaleChanges } from '@weir/cluster';
import type { Dice } from './dice.ts';
import type { Host, World } from './world.ts';

const DRAIN = '/ingester/prepare-partition-downscale';
const SHUTDOWN = '/ingester/prepare-shutdown';
const LOOKS_MS = [20, 300, 1_200, 4_000, 15_000, 40_000];

export class Operators {
  readonly #world: World;
  readonly #dice: Dice;
  /** Called at moments when partitions may be on their way. */
  readonly #look: () => void;
  /** Hosts that drain, or are about to go. */
  readonly #leaving = new Set<Host>();

  constructor(world: World, dice: Dice, look: () => void) {
    this.#world = world;
    this.#dice = dice;
    this.#look = look;
  }

  work(): void {
    const { faults } = this.#world;
    if (!faults.happens(faults.rates.operator)) return;
    const what = this.#dice.pick(['scale', 'drain', 'leave'] as const);
    if (what === 'scale') this.#scale(this.#dice.int(1, this.#world.topic.partitions.length));
    else this.#drain(what);
  }

  #scale(count: number): void {
    const { scheduler, coverage } = this.#world;
    const fronts = this.#world.fronts();
    if (fronts.length === 0) return;
    const { cluster } = this.#dice.pick(fronts);
    const changes = () => scaleChanges(cluster.view, count, Math.floor(scheduler.nowMs));
    putChanges(cluster, changes).then(
      () => coverage.note('partitions scaled'),
      () => coverage.note('scaling failed'),
    );
    this.#looks();
  }

  #drain(what: 'drain' | 'leave'): void {
    const { coverage, hosts, scheduler } = this.#world;
    const free = hosts.filter(({ node }) => node?.ingester.readiness().ready);
    const host = this.#dice.pick(hosts.filter(({ kind }) => kind === 'ingester'));
    const { node } = host;
    // Somebody else has to have caught up, and to stay.
    const others = free.filter((one) => one !== host && !this.#leaving.has(one));
    if (!node || !free.includes(host) || this.#leaving.has(host) || others.length === 0) return;
    this.#leaving.add(host);
    node.control('POST', DRAIN).then(
      (status) => coverage.note(`drain answered ${status}`),
      () => coverage.note('drain failed'),
    );
    this.#looks();
    const laterMs = this.#dice.int(60_000, 1_800_000);
    scheduler.after(laterMs, undefined, `${what} goes on`, () => {
      if (what === 'drain') this.#takeBack(host);
      else this.#takeAway(host);
    });
  }

  #takeBack(host: Host): void {
    this.#leaving.delete(host);
    host.node?.control('DELETE', DRAIN).then(
      (status) => this.#world.coverage.note(`drain taken back: ${status}`),
      () => undefined,
    );
    this.#looks();
  }

  /** As rollout-operator and Kubernetes do it: prepared, stopped; its volume may go with it. */
  #takeAway(host: Host): void {
    const { node } = host;
    const { coverage } = this.#world;
    if (node === undefined) {
      this.#leaving.delete(host);
      return;
    }
    const awayMs = this.#dice.int(60_000, 1_800_000);
    const gone = () => {
      this.#leaving.delete(host);
      if (host.node !== node) return;
      coverage.note('instance taken away');
      if (this.#dice.chance(0.5)) host.disk.clear();
      this.#world.stopped(host, awayMs);
    };
    node
      .control('POST', SHUTDOWN)
      .then(() => node.ingester.stop())
      .then(gone, gone);
    this.#looks();
  }

  /** All instances stay, and all partitions are written; resolves with whether that was done. */
  async undo(): Promise<boolean> {
    const world = this.#world;
    const [front] = world.fronts();
    const ingesters = world.hosts.filter(({ kind }) => kind === 'ingester');
    if (front === undefined || ingesters.some(({ node }) => node === undefined)) return false;
    for (const { node } of ingesters) {
      const statuses = [
        await node!.control('DELETE', SHUTDOWN),
        await node!.control('DELETE', DRAIN),
      ];
      if (statuses.some((status) => status >= 300)) return false;
    }
    const all = world.topic.partitions.length;
    const { cluster } = front;
    await putChanges(cluster, () =>
      scaleChanges(cluster.view, all, Math.floor(world.scheduler.nowMs)),
    );
    return true;
  }

  #looks(): void {
    for (const afterMs of LOOKS_MS) {
      if (this.#dice.chance(0.5)) {
        this.#world.scheduler.after(afterMs, undefined, 'look', this.#look);
      }
    }
  }
}
