// Pages over the cluster's state, which every process has: instances, partitions, and what is asked of them
// there. Methods, forms and codes are Mimir's; a page is asked for by GET, changed by POST, and shown again.
import {
  type Cluster,
  changeOf,
  type PartitionEvent,
  putChanges,
  type Target,
} from '@weir/cluster';
import { toWeirError, WeirError } from '@weir/errors';
import {
  type FastifyReply,
  type FastifyRequest,
  type HttpServer,
  readForm,
  sendPage,
  sendPlainError,
} from '@weir/http';
import type { PartitionLog } from '@weir/log';
import { type Clock, isoTime } from '@weir/runtime';
import {
  ownersByPartition,
  type PartitionPageParts,
  partitionRing,
  partitionRingPage,
} from './partition-ring.ts';
import { ringPage, ringShards } from './ring.ts';

const FORM_SIZE_MAX_BYTES = 64 * 1024;
/** The page is wanted most when brokers answer slowly: then it comes without the log's ends. */
const END_OFFSETS_WITHIN_MS = 2_000;

export interface ClusterRoutesParts {
  readonly cluster: Cluster;
  readonly log: Pick<PartitionLog, 'endOffsets'>;
  readonly clock: Clock;
  readonly heartbeatTimeoutMs: number;
}

/** Rings of these targets, and the partitions. */
export function clusterRoutes(
  server: HttpServer,
  targets: readonly Target[],
  parts: ClusterRoutesParts,
): void {
  for (const target of targets) ringRoutes(server, target, parts);
  server.get('/ingester/partition-ring', async (request, reply) => {
    const shown = await partitionPageParts(parts);
    return sendPage(request, reply, partitionRing(shown), () => partitionRingPage(shown));
  });
  server.post('/ingester/partition-ring', (request, reply) =>
    seeOther(reply, async () => {
      const { partition, events } = parseChange(await readForm(request, FORM_SIZE_MAX_BYTES));
      for (const event of events) await change(parts, partition, event);
    }),
  );
  server.get('/memberlist', (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send("This instance doesn't use memberlist."),
  );
}

function ringRoutes(server: HttpServer, target: Target, parts: ClusterRoutesParts): void {
  const { cluster, clock, heartbeatTimeoutMs } = parts;
  const settings = { target, heartbeatTimeoutMs };
  const show = async (request: FastifyRequest, reply: FastifyReply) => {
    const nowMs = clock.nowMs();
    const shards = ringShards(cluster.view, settings, nowMs);
    return sendPage(request, reply, { shards, now: isoTime(nowMs) }, () =>
      ringPage(cluster.view, settings, nowMs),
    );
  };
  server.get(`/${target}/ring`, show);
  server.post(`/${target}/ring`, (request, reply) =>
    seeOther(reply, async () => {
      const id = (await readForm(request, FORM_SIZE_MAX_BYTES)).get('forget') ?? '';
      const instance = cluster.view.instances.get(id);
      if (instance === undefined) return;
      try {
        await cluster.remove(instance);
      } catch (error) {
        const message = `error forgetting instance '${id}': ${toWeirError(error).message}`;
        throw new WeirError('internal', message, { cause: error });
      }
    }),
  );
}

/** After a change the browser asks for the page again, so that a reload changes nothing. */
async function seeOther(reply: FastifyReply, work: () => Promise<void>): Promise<FastifyReply> {
  try {
    await work();
  } catch (error) {
    return sendPlainError(reply, error);
  }
  return reply.code(302).header('location', '#').send();
}

async function partitionPageParts(parts: ClusterRoutesParts): Promise<PartitionPageParts> {
  const { cluster, log, clock, heartbeatTimeoutMs } = parts;
  const asked = [...cluster.view.partitions.keys()];
  let ends: readonly number[] = [];
  await new Promise<void>((resolve) => {
    const timer = clock.after(END_OFFSETS_WITHIN_MS, resolve);
    // The page says that they are missing.
    log
      .endOffsets(asked)
      .then((found) => {
        ends = found;
      })
      .catch(() => undefined)
      .finally(() => {
        timer.cancel();
        resolve();
      });
  });
  const endOffsets = new Map(ends.map((end, at) => [asked[at]!, end]));
  const { view } = cluster;
  const owners = ownersByPartition(view);
  return { view, owners, nowMs: clock.nowMs(), heartbeatTimeoutMs, endOffsets };
}

interface Change {
  readonly partition: number;
  readonly events: readonly PartitionEvent[];
}

function parseChange(form: URLSearchParams): Change {
  const action = form.get('action') ?? '';
  const partition = parsePartition(form.get('partition_id') ?? '');
  if (action === 'state_change_lock') {
    const locked = form.get('locked') ?? '';
    if (locked !== 'true' && locked !== 'false') throw bad(`invalid locked value: "${locked}"`);
    return { partition, events: [{ kind: locked === 'true' ? 'lock' : 'unlock' }] };
  }
  if (action !== 'change_state' && action !== 'change_state_and_lock') {
    throw bad(`invalid action: "${action}"`);
  }
  const event = STATE_EVENTS.get(form.get('partition_state') ?? '');
  if (event === undefined) throw bad('invalid partition state');
  if (event === 'refused') throw bad('failed to change partition state: not allowed');
  const events: PartitionEvent[] = [{ kind: event }];
  return { partition, events: action === 'change_state' ? events : [...events, { kind: 'lock' }] };
}

/** People make partitions ACTIVE or INACTIVE; the other states come by themselves. */
const STATE_EVENTS = new Map<string, 'activate' | 'deactivate' | 'refused'>([
  ...([
    ['PartitionActive', 'activate'],
    ['PartitionInactive', 'deactivate'],
  ] as const),
  ...(['PartitionUnknown', 'PartitionPending', 'PartitionDeleted'] as const).map(
    (name) => [name, 'refused'] as const,
  ),
]);

function parsePartition(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw bad(`invalid partition ID: "${text}"`);
  return Number(text);
}

async function change(
  { cluster, clock }: ClusterRoutesParts,
  partition: number,
  event: PartitionEvent,
): Promise<void> {
  try {
    await putChanges(cluster, (view) => changeOf(view, partition, event, clock.nowMs()));
  } catch (error) {
    const { kind, message } = toWeirError(error);
    const refused = kind === 'invalid' || kind === 'not-found';
    throw refused ? bad(`failed to change partition state: ${message}`) : error;
  }
}

function bad(message: string): WeirError {
  return new WeirError('invalid', message);
}
