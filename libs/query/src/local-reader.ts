// The server side of the internal read protocol: what an owner of partitions implements (LocalReader),
// and the stream of messages that answers a request from it. The owner names its sources; merging them
// into one stream in label order, encoding and batching happen here, once for every transport.
import { unreachable } from '@weir/errors';
import type { MetricMetadata } from '@weir/model';
import type { PartMessage } from '@weir/promql';
import { mergeBatches } from './merge-series.ts';
import { encodePartMessage, type Pieces, packMessages, sizeOfPieces } from './part-message.ts';
import { encodeChunkedSeries, encodeHeader, encodeJson } from './read-message.ts';
import type {
  ReadCardinality,
  ReadDiscards,
  ReadFreshness,
  ReadHistogramMetric,
  ReadLabelValues,
  ReadRequest,
  ReadTenantStats,
  SeriesExemplars,
} from './read-port.ts';
import type { SeriesBatches, SeriesChunks } from './series-chunks.ts';
import { soon } from './soon.ts';
import { encodeTextLists, type TextLists } from './text-answers.ts';

/** Size at which a message is sent; a series is never split, so one message may be larger. */
const MESSAGE_SIZE_BYTES = 256 * 1024;
/** Series whose exemplars go into one message: few have more than some. */
const MESSAGE_EXEMPLAR_SERIES = 256;

export interface LocalSelection {
  /** Blocks (ULIDs) of the tenant whose samples are among the sources. */
  readonly heldBlocks: readonly string[];
  /** Each in label order; blocks by offset, then heads, since the earlier source wins on equal timestamps. */
  readonly sources: readonly SeriesBatches[];
}

/** Reads the partitions that a request names; `unavailable` when one of them is not owned here. */
export interface LocalReader {
  /** For kinds `select` and `series`; chunks may be left out of the latter. */
  select(request: ReadRequest, signal: AbortSignal): Promise<LocalSelection>;
  /** For request.part; left out by what evaluates nothing. */
  evaluate?(request: ReadRequest, signal: AbortSignal): Promise<LocalPart>;
  labelNames(request: ReadRequest, signal: AbortSignal): Promise<TextLists>;
  /** Values of the label request.name. */
  labelValues(request: ReadRequest, signal: AbortSignal): Promise<TextLists>;
  metadata(request: ReadRequest, signal: AbortSignal): Promise<readonly MetricMetadata[]>;
  /** In any order; a series may come more than once. */
  exemplars(request: ReadRequest, signal: AbortSignal): Promise<readonly SeriesExemplars[]>;
  cardinality(request: ReadRequest, signal: AbortSignal): Promise<LocalCardinality>;
  /** In steps, in any order; a metric may come more than once. */
  histogramMetrics(
    request: ReadRequest,
    signal: AbortSignal,
  ): AsyncIterable<readonly ReadHistogramMetric[]>;
  discarded(request: ReadRequest, signal: AbortSignal): Promise<readonly ReadDiscards[]>;
  freshness(request: ReadRequest, signal: AbortSignal): Promise<readonly ReadFreshness[]>;
  tenantStats(request: ReadRequest, signal: AbortSignal): Promise<readonly ReadTenantStats[]>;
}

/** A part of a plan that is evaluated here; `messages` is undefined where that can't be. */
export interface LocalPart {
  readonly heldBlocks: readonly string[];
  readonly messages: AsyncIterable<PartMessage> | undefined;
}

export interface LocalCardinality extends ReadCardinality {
  readonly labels: AsyncIterable<ReadLabelValues>;
}

/** Answers one request with the messages that read-port.ts describes. */
export async function* serveRead(
  reader: LocalReader,
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  switch (request.kind) {
    case 'select':
    case 'series': {
      const { heldBlocks, sources } = await reader.select(request, signal);
      yield encodeHeader({ heldBlocks });
      if (request.kind === 'select') yield* encodeBatches(mergeBatches(sources), signal);
      else yield* encodeBatches(firstSeries(mergeBatches(sources), request.limit), signal);
      return;
    }
    case 'evaluate': {
      const found = await reader.evaluate?.(request, signal);
      const { heldBlocks = [], messages } = found ?? {};
      const header = encodeHeader({ heldBlocks, declined: messages === undefined });
      if (messages === undefined) yield packMessages([[header]]);
      else yield* packParts(header, messages);
      return;
    }
    case 'labelNames':
      yield encodeTextLists(await reader.labelNames(request, signal), request.limit);
      return;
    case 'labelValues':
      yield encodeTextLists(await reader.labelValues(request, signal), request.limit);
      return;
    case 'metadata':
      yield encodeJson(await reader.metadata(request, signal));
      return;
    case 'discarded':
      yield encodeJson(await reader.discarded(request, signal));
      return;
    case 'freshness':
      yield encodeJson(await reader.freshness(request, signal));
      return;
    case 'tenantStats':
      yield encodeJson(await reader.tenantStats(request, signal));
      return;
    case 'position':
      yield encodeJson([]);
      return;
    case 'cardinality': {
      const { series, labels } = await reader.cardinality(request, signal);
      yield encodeJson({ series } satisfies ReadCardinality);
      for await (const step of labels) {
        signal.throwIfAborted();
        if (step.values.length > 0) yield encodeJson(step);
      }
      return;
    }
    case 'histogramMetrics':
      for await (const step of reader.histogramMetrics(request, signal)) {
        signal.throwIfAborted();
        if (step.length > 0) yield encodeJson(step);
      }
      return;
    case 'exemplars':
      yield* encodeExemplars(await reader.exemplars(request, signal));
      return;
    default:
      unreachable(request.kind);
  }
}

/** What comes without a wait goes in one message; the header waits for nothing. */
async function* packParts(
  header: Uint8Array,
  parts: AsyncIterable<PartMessage>,
): AsyncGenerator<Uint8Array> {
  let pending: Pieces[] = [[header]];
  let sizeBytes = 0;
  const iterator = parts[Symbol.asyncIterator]();
  try {
    for (;;) {
      const coming = iterator.next();
      let next = await soon(coming);
      if (pending.length > 0 && (next === undefined || sizeBytes > MESSAGE_SIZE_BYTES)) {
        yield packMessages(pending);
        pending = [];
        sizeBytes = 0;
      }
      next ??= await coming;
      if (next.done) break;
      const message = encodePartMessage(next.value);
      pending.push(message);
      sizeBytes += sizeOfPieces(message);
    }
    if (pending.length > 0) yield packMessages(pending);
  } finally {
    await iterator.return?.();
  }
}

/** Up to so many series, without their chunks; what is behind them is not read. */
async function* firstSeries(
  batches: SeriesBatches,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly SeriesChunks[]> {
  let left = limit;
  for await (const batch of batches) {
    yield batch.slice(0, left).map(({ labels }) => ({ labels, chunks: [] }));
    left -= batch.length;
    if (left <= 0) return;
  }
}

/** Regroups batches into messages of about MESSAGE_SIZE_BYTES. */
async function* encodeBatches(
  batches: SeriesBatches,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let pending: SeriesChunks[] = [];
  let sizeBytes = 0;
  for await (const batch of batches) {
    signal.throwIfAborted();
    for (const item of batch) {
      pending.push(item);
      sizeBytes += item.labels.length;
      for (const chunk of item.chunks) sizeBytes += chunk.bytes.length + 24;
      if (sizeBytes < MESSAGE_SIZE_BYTES) continue;
      yield encodeChunkedSeries(pending);
      pending = [];
      sizeBytes = 0;
    }
    // Labels and chunks of a batch may be reused by its source once the next one is asked for.
    if (pending.length > 0) yield encodeChunkedSeries(pending);
    pending = [];
    sizeBytes = 0;
  }
  // What an aborted read finds at its end may be less than there was at its beginning.
  signal.throwIfAborted();
}

/** JSON's numbers have neither infinities nor a zero with a sign. */
function textOf(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function* encodeExemplars(series: readonly SeriesExemplars[]): Generator<Uint8Array> {
  for (let at = 0; at < series.length; at += MESSAGE_EXEMPLAR_SERIES) {
    const some = series.slice(at, at + MESSAGE_EXEMPLAR_SERIES);
    yield encodeJson(
      some.map(({ labels, exemplars }) => ({
        labels,
        exemplars: exemplars.map((one) => ({ ...one, value: textOf(one.value) })),
      })),
    );
  }
}
