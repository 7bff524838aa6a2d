// POST /api/v1/read: Prometheus's remote read. A request names several queries; its answer has their samples,
// or their chunks as they are stored, in a stream. Nothing is evaluated here.
//
// Invariant: the status is known before the first byte is sent; what fails later cuts the connection, which a
// reader notices (a snappy block or a frame that is not whole).
import { WeirError } from '@weir/errors';
import { createMatcher, HistogramColumns, labelSize, SampleColumns } from '@weir/model';
import { printExpr } from '@weir/promql';
import { type ChunkedQueryable, type ChunkedSeriesStream, encodeChunkedSeries } from '@weir/query';
import { createSemaphore } from '@weir/runtime';
import type { Chunk } from '@weir/tsdb/chunk';
import {
  chunkFrame,
  parseReadRequest,
  RESPONSE_SAMPLES,
  type ReadQuery,
  ReadResult,
  readResponseBody,
  snappyUncompress,
  snappyUncompressedSize,
} from '@weir/wire';
import type { EndpointAnswer, EndpointContext } from '../endpoint.ts';
import { resumed } from '../executor/answer-stream.ts';
import { allowedStart, blocksQueries, checkBlocked } from '../query-limits.ts';
import { sentChunks } from './sent-chunks.ts';

/** Mimir's: queries are matchers and times, which take little. */
export const READ_REQUEST_MAX_BYTES = 1 << 20;
/** Prometheus's: one series a message, a long one in several. */
const FRAME_MAX_BYTES = 1 << 20;
/** Small frames are sent together. */
const MESSAGE_SIZE_BYTES = 64 * 1024;

const SAMPLES_HEADERS = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
};
const CHUNKS_HEADERS = {
  'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
};

export interface RemoteReadSettings {
  /** Samples that one answer may hold, where it holds samples. */
  readonly maxSamples: number;
  /** Queries of one request that are run at the same time. */
  readonly maxConcurrentReads: number;
}

type RemoteReadContext = Pick<EndpointContext, 'clock' | 'queryable' | 'signal' | 'request'>;

export async function answerRead(
  settings: RemoteReadSettings,
  context: RemoteReadContext,
): Promise<EndpointAnswer> {
  const { body: request = new Uint8Array(0) } = context.request;
  const { queries, responseType } = parseReadRequest(uncompressed(request));
  const selects = queries.map((query) => selectOf(query, context));
  if (responseType === RESPONSE_SAMPLES) {
    const results = await readSamples(settings, context, selects);
    const body = readResponseBody(results);
    return { kind: 'bytes', headers: SAMPLES_HEADERS, body: streamed(body), warnings: [] };
  }
  const frames = streamFrames(context, selects);
  return { kind: 'bytes', headers: CHUNKS_HEADERS, body: await begun(frames), warnings: [] };
}

function uncompressed(body: Uint8Array): Uint8Array {
  const size = snappyUncompressedSize(body);
  if (size > READ_REQUEST_MAX_BYTES) {
    const message = `received message larger than max (${size} vs ${READ_REQUEST_MAX_BYTES})`;
    throw new WeirError('invalid', message, { status: 413 });
  }
  return snappyUncompress(body);
}

interface Select {
  readonly matchers: readonly ReturnType<typeof createMatcher>[];
  readonly minT: number;
  readonly maxT: number;
  readonly labelsOnly: boolean;
}

/** The matchers as the selector that they would be in a query. */
function selectorText(matchers: ReadQuery['matchers']): string {
  const span = { start: 0, end: 0 };
  const modifiers = { offsetMs: undefined, at: undefined };
  return printExpr({ kind: 'vector-selector', name: '', matchers, ...modifiers, span });
}

/** Undefined where nothing can be found. */
function selectOf(query: ReadQuery, { request, clock }: RemoteReadContext): Select | undefined {
  const matchers = query.matchers.map(createMatcher);
  if (blocksQueries(request.limits)) checkBlocked(selectorText(query.matchers), request.limits);
  const { hints } = query;
  const narrows = hints !== undefined && (hints.startMs !== 0 || hints.endMs !== 0);
  const startMs = narrows ? Math.max(query.startMs, hints.startMs) : query.startMs;
  const endMs = narrows ? Math.min(query.endMs, hints.endMs) : query.endMs;
  if (endMs < startMs) return undefined;
  const fromMs = allowedStart({ startMs, endMs, stepMs: 1 }, request.limits, clock.nowMs());
  if (fromMs === undefined) return undefined;
  return { matchers, minT: fromMs, maxT: endMs, labelsOnly: hints?.func === 'series' };
}

async function readSamples(
  { maxSamples, maxConcurrentReads }: RemoteReadSettings,
  { queryable, signal }: RemoteReadContext,
  selects: readonly (Select | undefined)[],
): Promise<ReadResult[]> {
  const running = createSemaphore(Math.max(1, maxConcurrentReads));
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  let total = 0;
  const count = (samples: number) => {
    total += samples;
    if (total > maxSamples) {
      throw new WeirError('invalid', `exceeded sample limit (${maxSamples})`);
    }
  };
  try {
    return await Promise.all(
      selects.map(async (select) => {
        const release = await running.acquire();
        try {
          return await readResult(queryable, select, count, either);
        } finally {
          release();
        }
      }),
    );
  } catch (error) {
    failing.abort(error);
    throw error;
  }
}

async function readResult(
  queryable: ChunkedQueryable,
  select: Select | undefined,
  count: (samples: number) => void,
  signal: AbortSignal,
): Promise<ReadResult> {
  const result = new ReadResult();
  if (select === undefined) return result;
  signal.throwIfAborted();
  const samples = new SampleColumns(1024);
  const histograms = new HistogramColumns();
  const series = await queryable.select(select, signal);
  try {
    while (await series.next()) {
      samples.clear();
      histograms.clear();
      if (!select.labelsOnly) {
        series.samples(samples);
        series.histograms?.(histograms);
        const found = samples.count + histograms.count;
        if (found === 0) continue;
        count(found);
      }
      result.add(series.labels, samples, histograms);
    }
    signal.throwIfAborted();
  } finally {
    series.close();
  }
  return result;
}

/** The frames of all queries, one query after the other. */
async function* streamFrames(
  { queryable, signal }: RemoteReadContext,
  selects: readonly (Select | undefined)[],
): AsyncGenerator<Uint8Array> {
  for (const [index, select] of selects.entries()) {
    if (select === undefined) continue;
    signal.throwIfAborted();
    const series = await queryable.select(select, signal);
    try {
      yield* seriesFrames(series, select, index);
      signal.throwIfAborted();
    } finally {
      series.close();
    }
  }
}

async function* seriesFrames(
  series: ChunkedSeriesStream,
  { minT, maxT, labelsOnly }: Select,
  queryIndex: number,
): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let sizeBytes = 0;
  while (await series.next()) {
    const chunks = labelsOnly ? [] : sentChunks(series.chunks, minT, maxT);
    if (chunks.length === 0 && !labelsOnly) continue;
    for (const part of frameParts(series.labels.length, chunks)) {
      const batch = [{ labels: series.labels, chunks: part }];
      const frame = chunkFrame(withQueryIndex(encodeChunkedSeries(batch), queryIndex));
      waiting.push(frame);
      sizeBytes += frame.length;
      if (sizeBytes < MESSAGE_SIZE_BYTES) continue;
      yield joined(waiting, sizeBytes);
      waiting = [];
      sizeBytes = 0;
    }
  }
  if (sizeBytes > 0) yield joined(waiting, sizeBytes);
}

/** Chunks a frame: as many as fit behind the labels, and one at least. */
function* frameParts(labelBytes: number, chunks: readonly Chunk[]): Generator<readonly Chunk[]> {
  let from = 0;
  let sizeBytes = labelBytes;
  for (let at = 0; at < chunks.length; at++) {
    const chunkBytes = labelSize(0, chunks[at]!.bytes.length);
    if (at > from && sizeBytes + chunkBytes > FRAME_MAX_BYTES) {
      yield chunks.slice(from, at);
      from = at;
      sizeBytes = labelBytes;
    }
    sizeBytes += chunkBytes;
  }
  yield chunks.slice(from);
}

/** ChunkedReadResponse.query_index, which is left out where it is 0. */
function withQueryIndex(message: Uint8Array, queryIndex: number): Uint8Array {
  if (queryIndex === 0) return message;
  const index: number[] = [0x10];
  let rest = queryIndex;
  for (; rest >= 128; rest = Math.floor(rest / 128)) index.push((rest % 128) | 128);
  index.push(rest);
  return joined([message, Uint8Array.from(index)], message.length + index.length);
}

function joined(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Resolves when the first piece is there, or none will come: until then an error is an answer. */
async function begun(
  pieces: AsyncGenerator<Uint8Array>,
): Promise<AsyncIterableIterator<Uint8Array>> {
  return resumed(await pieces.next(), pieces);
}

async function* streamed(pieces: Generator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
