// What this ingester was asked about its leaving: to drain (others get its partitions while it runs), to shut
// down for good at its next stop, to leave the group then or only to pause. Draining and shutting down are
// marks that survive restarts; a stop for good removes them, so that who comes back later begins anew.
// Invariants: the cluster hears of a mark before partitions change for it; a request that fails leaves all as it
// was, as far as the cluster can be reached, and may be repeated.
import { join } from 'node:path';
import {
  type Cluster,
  drainChanges,
  type InstanceEntry,
  putChanges,
  undrainChanges,
} from '@weir/cluster';
import type { Clock } from '@weir/runtime';
import { type MarkFile, openMarkFile } from './mark-file.ts';

/** Mimir's name of it. */
const SHUTDOWN_MARK = 'shutdown-requested.txt';
const DRAINING_MARK = 'partition-downscale-requested.txt';

export interface DepartureSettings {
  readonly dir: string;
  readonly instanceId: string;
  /** What a stop does unless it is asked otherwise. */
  readonly unregisterOnShutdown: boolean;
}

export interface DepartureParts {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Puts this instance's entry, with what entryFields() says. */
  tell(): Promise<void>;
  /** The entry has changed: the seat in the group may have to. */
  changed(): void;
}

export interface Departure {
  /** Reads the marks. */
  open(): Promise<void>;
  readonly drainingSinceMs: number | undefined;
  readonly shutdownPrepared: boolean;
  /** The next stop leaves the group, so that partitions move at once. */
  readonly unregister: boolean;
  entryFields(): Partial<InstanceEntry>;
  /** Rejects with status 409 where a partition of it is PENDING or locked. */
  drain(): Promise<void>;
  /** Rejects with status 409 where a partition that was drained for it is locked. */
  undrain(): Promise<void>;
  prepareShutdown(): Promise<void>;
  cancelShutdown(): Promise<void>;
  /** Undefined: as it is configured. */
  setUnregister(unregister: boolean | undefined): void;
  /** It has left for good. */
  done(): Promise<void>;
}

interface Marks {
  readonly draining: MarkFile;
  readonly shutdown: MarkFile;
}

export function createDeparture(settings: DepartureSettings, parts: DepartureParts): Departure {
  const { cluster, clock } = parts;
  const { instanceId, dir } = settings;
  let marks: Marks | undefined;
  let unregister = settings.unregisterOnShutdown;
  let turn: Promise<unknown> = Promise.resolve();

  const undrained = () => undrainChanges(cluster.view, instanceId, clock.nowMs());
  const drained = () => drainChanges(cluster.view, instanceId, clock.nowMs());

  /** One request at a time. */
  function next(work: (marks: Marks) => Promise<void>): Promise<void> {
    const done = turn.then(() => work(marks!));
    turn = done.catch(() => undefined);
    return done;
  }

  /** The mark first, so that what the cluster was told is not forgotten by a crash. */
  async function changeMark(mark: MarkFile, on: boolean): Promise<void> {
    const was = mark.sinceMs;
    if ((was !== undefined) === on) return;
    if (on) await mark.set(clock.nowMs());
    else await mark.unset();
    try {
      await parts.tell();
    } catch (error) {
      if (was === undefined) await mark.unset();
      else await mark.set(was);
      throw error;
    } finally {
      parts.changed();
    }
  }

  async function undrainNow({ draining }: Marks): Promise<void> {
    undrained();
    await changeMark(draining, false);
    await putChanges(cluster, undrained);
  }

  return {
    async open() {
      const nowMs = clock.nowMs();
      const shutdown = await openMarkFile(join(dir, SHUTDOWN_MARK), nowMs);
      if (shutdown.sinceMs !== undefined) unregister = true;
      marks = { draining: await openMarkFile(join(dir, DRAINING_MARK), nowMs), shutdown };
    },
    get drainingSinceMs() {
      return marks?.draining.sinceMs;
    },
    get shutdownPrepared() {
      return marks?.shutdown.sinceMs !== undefined;
    },
    get unregister() {
      return unregister;
    },
    entryFields() {
      const drainingSinceMs = marks?.draining.sinceMs;
      const shutdownPreparedMs = marks?.shutdown.sinceMs;
      return {
        ...(drainingSinceMs !== undefined && { drainingSinceMs }),
        ...(shutdownPreparedMs !== undefined && { shutdownPreparedMs }),
      };
    },
    drain: () =>
      next(async (all) => {
        const isNew = all.draining.sinceMs === undefined;
        drained();
        await changeMark(all.draining, true);
        try {
          await putChanges(cluster, drained);
        } catch (error) {
          if (isNew) await undrainNow(all);
          throw error;
        }
      }),
    undrain: () => next(undrainNow),
    prepareShutdown: () =>
      next(async ({ shutdown }) => {
        await changeMark(shutdown, true);
        unregister = true;
      }),
    cancelShutdown: () =>
      next(async ({ shutdown }) => {
        await changeMark(shutdown, false);
        unregister = settings.unregisterOnShutdown;
      }),
    setUnregister(wanted) {
      unregister = wanted ?? settings.unregisterOnShutdown;
    },
    done: () =>
      next(async ({ draining, shutdown }) => {
        await draining.unset();
        await shutdown.unset();
      }),
  };
}
