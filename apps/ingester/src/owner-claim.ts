// What this instance says in the cluster of one partition: that it claims it, and whether it serves it.
// Invariants: a claim is above every claim known at that moment; nothing is claimed after the group took
// the partition away; what the cluster says of this instance is what it said last. The last needs care: a
// put that failed may take effect minutes later, and one of a process that died may, too. Such an entry of
// a former life is answered by saying again what is so. When to claim and to serve is owned-partition.ts's.
import { answererOf, type Cluster, type OutbidEntries, type OwnerEntry } from '@weir/cluster';
import { WeirError } from '@weir/errors';
import type { Clock, Timer } from '@weir/runtime';
import type { Logger } from '@weir/telemetry';

/** One that claims a partition which the group gives to us is about to learn that; then it is ours again. */
const RECLAIM_MS = 30_000;

export interface OwnerClaimSettings {
  readonly partition: number;
  readonly instanceId: string;
  readonly zone: string;
}

export interface OwnerClaimParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The cluster could not be told that the partition is served; serve() tries again. */
  failed(error: unknown): void;
  /** Outbid a while ago, and the group still counts on us. */
  reclaim(): void;
}

export interface OwnerClaim {
  /** Of the newest claim; 0 before the first. */
  readonly epoch: number;
  readonly serving: boolean;
  /** The cluster knows that it is serving. */
  readonly announced: boolean;
  /** The cluster says that this instance owns the partition, and nobody has said otherwise. */
  readonly held: boolean;
  /** Above every claim that the cluster or the manifest has seen. Throws `fenced` when it is not ours. */
  claimAbove(epoch: number): Promise<void>;
  /** Tells the cluster that reads are answered, unless it knows. */
  serve(): void;
  /** Reads are answered no more; `tell()` says it to the cluster. */
  unserve(): void;
  tell(): Promise<void>;
  /** Another instance has it, as far as is known: until renew(). */
  disown(): void;
  /** The group took it away: until it is restored. Being outbid is not: the group still counts on us. */
  revoke(): void;
  /** The group has given it back. False where another instance has claimed it meanwhile. */
  restore(): boolean;
  renew(): void;
  close(): void;
}

export function createOwnerClaim(
  { partition, instanceId, zone }: OwnerClaimSettings,
  { cluster, clock, logger, failed, reclaim }: OwnerClaimParts,
): OwnerClaim {
  let epoch = 0;
  let serving = false;
  let disowned = false;
  let revoked = false;
  let closed = false;
  let puts = 0;
  let servingSinceMs: number | undefined;
  /** Who answers until this one serves. */
  let handedBy: string | undefined;
  let reclaiming: Timer | undefined;

  const present = () => cluster.view.owners.get(`${partition}/${zone}`);
  const held = () => !disowned && present()?.instance === instanceId;

  const unsubscribe = cluster.subscribe((outbid) => {
    const entry = present();
    if (epoch === 0 || entry === undefined) return;
    if (entry.instance !== instanceId) {
      if (entry.claim >= epoch) disown();
    } else correct(entry, outbid.some(isOurs));
  });

  function isOurs(entry: OutbidEntries[number]): boolean {
    return entry.partition === partition && entry.zone === zone;
  }

  async function put(isServing: boolean): Promise<void> {
    const entry = { partition, zone, instance: instanceId, serving: isServing, claim: epoch };
    if (!isServing) servingSinceMs = undefined;
    else servingSinceMs ??= clock.nowMs();
    if (isServing) handedBy = undefined;
    const more = {
      ...(servingSinceMs !== undefined && { servingSinceMs }),
      ...(handedBy !== undefined && { handedBy }),
    };
    puts++;
    try {
      await cluster.put({ kind: 'owner', ...entry, ...more } satisfies OwnerEntry);
    } finally {
      puts--;
    }
    correct(present());
  }

  /** Says again what the cluster has wrong, or what an outbid entry may have hidden. */
  function correct(entry: OwnerEntry | undefined, hidden = false): void {
    if (puts > 0 || closed || epoch === 0 || entry === undefined || !held()) return;
    const wrong = entry.claim !== epoch || entry.serving !== serving;
    if (!wrong && !hidden) return;
    logger.warn({ partition, entry, epoch, serving }, 'owner entry of a former life: said again');
    epoch = Math.max(epoch, entry.claim);
    // After a failure the next change of the view tries again, and serve() does.
    put(serving).catch((err) => logger.warn({ err, partition }, 'owner entry not corrected yet'));
  }

  function disown(): void {
    if (disowned) return;
    logger.warn({ partition }, 'partition has another owner: shipping stops here');
    disowned = true;
    reclaiming = clock.after(RECLAIM_MS, () => {
      if (disowned && !revoked) reclaim();
    });
  }

  /** A time that began to run when it was not ours says nothing any more. */
  function own(): void {
    reclaiming?.cancel();
    disowned = false;
  }

  return {
    get epoch() {
      return epoch;
    },
    get serving() {
      return serving;
    },
    get announced() {
      const entry = present();
      return serving && held() && entry!.serving && entry!.claim === epoch;
    },
    get held() {
      return held();
    },
    async claimAbove(known) {
      if (revoked || closed) throw elsewhere();
      const claims = [...cluster.view.owners.values()]
        .filter((owner) => owner.partition === partition)
        .map((owner) => owner.claim);
      epoch = Math.max(epoch, known, ...claims) + 1;
      const before = present();
      if (before !== undefined && before.instance !== instanceId) {
        const answerer = answererOf(before);
        handedBy = answerer === instanceId ? undefined : answerer;
      }
      await put(serving);
      if (!held()) throw elsewhere();
    },
    serve() {
      if (serving) {
        correct(present());
        return;
      }
      serving = true;
      put(true).catch((error) => {
        serving = false;
        failed(error);
      });
    },
    unserve() {
      serving = false;
    },
    tell: () => put(serving),
    disown,
    revoke() {
      revoked = true;
      disown();
    },
    restore() {
      const entry = present();
      if (closed || entry?.instance !== instanceId || entry.claim !== epoch) return false;
      revoked = false;
      own();
      return true;
    },
    renew() {
      if (!revoked) own();
    },
    close() {
      closed = true;
      unsubscribe();
    },
  };

  function elsewhere(): WeirError {
    return new WeirError('fenced', `partition ${partition} was claimed elsewhere`);
  }
}
