// What weirctl asks of a cluster over HTTP: its state as one process sees it, what each ingester says of its own
// partitions, and changes. An ingester that doesn't answer is left out of the second. Fields are checked as
// they are used, since the other side may be another version.
import { WeirError } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import type {
  ClusterState,
  IngesterStatus,
  OwnStatus,
  PartitionState,
  PartitionStatus,
} from './cluster-state.ts';

/** A change waits until the cluster's topic has it: brokers may be slow just then. */
const TIMEOUT_MS = 30_000;

export interface ClusterApi {
  /** With what each ingester says of its partitions, unless `brief`. */
  state(options?: { readonly brief?: boolean }): Promise<ClusterState>;
  /** Posts a form to the partition page; throws with the reason when it is refused. */
  change(fields: Readonly<Record<string, string>>): Promise<void>;
  /** Has the ingester at an address leave, or stay after all. */
  drain(address: string, undo: boolean): Promise<void>;
}

export interface FetchOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

export type Fetch = (
  url: string,
  options: FetchOptions,
) => Promise<{ readonly status: number; text(): Promise<string> }>;

export interface ClusterApiParts {
  readonly fetch: Fetch;
  readonly clock: Pick<Clock, 'after'>;
}

type Fields = Readonly<Record<string, unknown>>;

/** `base` is the URL of any process of the cluster. */
export function createClusterApi(base: string, { fetch, clock }: ClusterApiParts): ClusterApi {
  async function ask(url: string, method: string, form?: string): Promise<string> {
    const patience = new AbortController();
    const late = new WeirError('timeout', `no answer within ${TIMEOUT_MS / 1000} s`);
    const timer = clock.after(TIMEOUT_MS, () => patience.abort(late));
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    try {
      const answer = await fetch(url, {
        ...{ method, redirect: 'manual', signal: patience.signal },
        headers: { accept: 'application/json', ...(form !== undefined && type) },
        ...(form !== undefined && { body: form }),
      });
      const text = await answer.text();
      if (answer.status < 400) return text;
      const kind = answer.status < 500 ? 'invalid' : 'unavailable';
      throw new WeirError(kind, text.trim() || `${method} ${url} answered ${answer.status}`);
    } catch (error) {
      if (error instanceof WeirError) throw error;
      const cause = patience.signal.aborted ? patience.signal.reason : error;
      throw new WeirError('unavailable', `${method} ${url}: ${reasonOf(cause)}`, { cause });
    } finally {
      timer.cancel();
    }
  }

  async function json(url: string): Promise<Fields> {
    const text = await ask(url, 'GET');
    try {
      return JSON.parse(text) as Fields;
    } catch (cause) {
      throw new WeirError('invalid', `${url} is not a Weir process: no JSON`, { cause });
    }
  }

  /** Keyed `instance/partition`. */
  async function ownOf({ id, address, healthy }: IngesterStatus) {
    if (!healthy) return [];
    const found = await json(`http://${address}/ingester/partitions`).catch(() => undefined);
    return listOf(found?.partitions).map((one) => [`${id}/${one.id}`, ownStatus(one)] as const);
  }

  return {
    async state({ brief = false } = {}) {
      const [ring, instances] = await Promise.all([
        json(`${base}/ingester/partition-ring`),
        json(`${base}/ingester/ring`),
      ]);
      const ingesters = listOf(instances.shards).map(ingesterStatus);
      const own = new Map(brief ? [] : (await Promise.all(ingesters.map(ownOf))).flat());
      const partitions = listOf(ring.partitions).map((one) => partitionStatus(one, own));
      return { ingesters, partitions };
    },
    async change(fields) {
      await ask(`${base}/ingester/partition-ring`, 'POST', new URLSearchParams(fields).toString());
    },
    async drain(address, undo) {
      const url = `http://${address}/ingester/prepare-partition-downscale`;
      await ask(url, undo ? 'DELETE' : 'POST');
    },
  };
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function partitionStatus(fields: Fields, own: ReadonlyMap<string, OwnStatus>): PartitionStatus {
  const id = Number(fields.id);
  return {
    id,
    state: String(fields.state_name) as PartitionState,
    locked: fields.state_change_locked === true,
    drainedFor: typeof fields.drained_for === 'string' ? fields.drained_for : undefined,
    end: numberOf(fields.end_offset),
    owners: listOf(fields.owners).map((owner) => {
      const instance = String(owner.instance);
      const found = own.get(`${instance}/${id}`);
      return {
        ...{ instance, zone: String(owner.zone ?? '') },
        ...{ healthy: owner.healthy === true, serving: owner.serving === true },
        applied: numberOf(owner.applied_offset),
        ...(found !== undefined && { own: found }),
      };
    }),
  };
}

function ingesterStatus(fields: Fields): IngesterStatus {
  return {
    ...{ id: String(fields.id), address: String(fields.address), zone: String(fields.zone ?? '') },
    ...{ healthy: fields.state === 'ACTIVE', draining: fields.read_only === true },
  };
}

function ownStatus(fields: Fields): OwnStatus {
  const number = (value: unknown) => numberOf(value) ?? 0;
  return {
    ...{ applied: number(fields.applied_offset), end: number(fields.end_offset) },
    lagRecords: number(fields.lag_records),
    lagSeconds: numberOf(fields.lag_seconds),
    delaySeconds: number(fields.delay_seconds),
    loggedPerSecond: number(fields.logged_per_second),
    appliedPerSecond: number(fields.applied_per_second),
    series: number(fields.series),
    status: String(fields.status ?? ''),
  };
}

/** What fetch says is in the cause of what it throws. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || String((cause as { code?: unknown }).code ?? error.message);
}
