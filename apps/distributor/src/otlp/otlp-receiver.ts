// OTLP metrics, whatever transport they came by: from a request's bytes to an answer as data. Shares
// everything with remote write behind the scan. One bad point never loses the others: what is left out is
// counted in a partial success; only where nothing at all was taken is it an error.
import { toWeirError, WeirError } from '@weir/errors';
import type { Clock, Random } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import { KERNEL_BODY_MAX_BYTES, type PartialSuccess } from '@weir/wire';
import { decompressInto } from '../decompress.ts';
import type { DistributorSettings } from '../distributor-flags.ts';
import type { Inflight, InflightShare } from '../inflight.ts';
import type { ProtocolPush, ScanStart, StoredPush } from '../protocol-push.ts';
import { errorAnswer } from '../push-answer.ts';
import type { PushMetrics } from '../push-metrics.ts';
import type { PushScratch } from '../push-scratch.ts';
import { receivePush } from '../receive-push.ts';
import { TooManyClusters } from '../replicas/replica-filter.ts';
import {
  CANCELLED,
  FAILED_PRECONDITION,
  INVALID_ARGUMENT,
  RESOURCE_EXHAUSTED,
  UNAUTHENTICATED,
  UNAVAILABLE,
} from './grpc-status.ts';
import { checkOtlpSize, type OtlpEncoding, otlpTooLarge, protobufOf } from './otlp-body.ts';
import { type OtlpAsked, translationOf } from './otlp-translation.ts';

/** Parsed JSON takes a multiple of its text. */
const JSON_FACTOR = 8;
/** How much a request may grow to while it is scanned, as the records made of it. */
const RECORDS_FACTOR = 2;
const MESSAGE_MAX = 1024;

export interface OtlpRequest {
  readonly tenant: string;
  readonly encoding: OtlpEncoding;
  /** `gzip`, `lz4`, `zstd`, or nothing. */
  readonly compression: string;
  /** The header `traceparent`. */
  readonly traceparent?: string | undefined;
  /** Headers that change the translation, where they are enabled. */
  readonly asked?: OtlpAsked;
  /** The header `Retry-Attempt`. */
  readonly retryAttempt: string | undefined;
  readonly body: Uint8Array;
}

export interface OtlpAnswer {
  readonly status: number;
  /** Of google.rpc.Status; 0 on success. */
  readonly code: number;
  readonly message: string;
  /** On success, where not all was taken. */
  readonly partial: PartialSuccess | undefined;
  /** When to come back; 0 says nothing. */
  readonly retryAfterSeconds: number;
}

const TAKEN: OtlpAnswer = {
  ...{ status: 200, code: 0, message: '', partial: undefined, retryAfterSeconds: 0 },
};

export interface OtlpReceiver {
  /** Never rejects: whatever happens becomes an answer. */
  receive(request: OtlpRequest): Promise<OtlpAnswer>;
  /** The answer to a request that couldn't be read. */
  refuse(error: unknown, retryAttempt: string | undefined): OtlpAnswer;
}

export interface OtlpReceiverParts {
  readonly inflight: Inflight;
  readonly store: (push: ProtocolPush) => Promise<StoredPush>;
  readonly metrics: Pick<PushMetrics, 'otlpRequest'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export function createOtlpReceiver(
  settings: DistributorSettings,
  parts: OtlpReceiverParts,
): OtlpReceiver {
  const limitBytes = settings.otlpRequestBytesMax;

  function refuse(error: unknown, retryAttempt: string | undefined): OtlpAnswer {
    const failure = toWeirError(error);
    const plain = errorAnswer(1, failure, { settings, random: parts.random, retryAttempt });
    const status = retriableStatus(failure.status);
    return {
      status,
      code: failure instanceof TooManyClusters ? FAILED_PRECONDITION : codeOf(status),
      message: plain.body,
      partial: undefined,
      retryAfterSeconds: Number(plain.headers['retry-after'] ?? 0),
    };
  }

  async function store(request: OtlpRequest, share: InflightShare): Promise<OtlpAnswer> {
    const { tenant, encoding, compression } = request;
    checkOtlpSize(request.body.length, limitBytes);
    share.add(request.body.length);
    const factor = RECORDS_FACTOR + (encoding === 'json' ? JSON_FACTOR : 0);
    const plain = await decompressInto(share, factor, request.body, {
      ...{ compression, sizeMaxBytes: limitBytes, clock: parts.clock },
      tooLarge: () => otlpTooLarge(limitBytes),
    });
    const body = protobufOf(plain, encoding);
    const counted = { points: 0, rejected: 0 };
    const asked = settings.otlpHeadersEnabled ? request.asked : undefined;
    const stored = await parts.store({
      ...{ tenant, protocol: 'otlp', share },
      traceparent: request.traceparent,
      body: ({ kernel }) => (body.length <= KERNEL_BODY_MAX_BYTES ? kernel.load(body) : body),
      begin: (scratch, start) => beginOtlp(scratch, start, counted, asked),
    });
    if (stored.deduplicated !== undefined) return { ...TAKEN, status: 202 };
    const rejected = Math.min(counted.points, counted.rejected + stored.withdrawn);
    return answerOf(stored, counted.points, rejected);
  }

  return {
    receive: (request) =>
      receivePush(request.tenant, parts, {
        count: () => parts.metrics.otlpRequest(request.tenant),
        store: (share) => store(request, share),
        failed: 'OTLP push failed',
        refuse: (failure) => refuse(failure, request.retryAttempt),
      }),
    refuse,
  };
}

function beginOtlp(
  { otlp, kernel, accepted }: PushScratch,
  { body, seed, rules, limits }: ScanStart,
  counted: { points: number; rejected: number },
  asked: OtlpAsked | undefined,
): (budgetBytes: number) => boolean {
  const translation = translationOf(limits, asked);
  const words = { ...rules, attributeWords: true };
  otlp.start(body, body.length, { seed, rules: words, translation, kernel });
  return (budgetBytes) => {
    const done = otlp.run(budgetBytes, accepted);
    counted.points = otlp.points;
    counted.rejected = otlp.pointsRejected;
    return done;
  };
}

function answerOf({ refusal }: StoredPush, points: number, rejected: number): OtlpAnswer {
  if (refusal !== undefined && points > 0 && rejected === points) {
    throw new WeirError('invalid', refusal.slice(0, MESSAGE_MAX));
  }
  const partial =
    refusal === undefined
      ? undefined
      : { rejectedDataPoints: rejected, errorMessage: refusal.slice(0, MESSAGE_MAX) };
  return { ...TAKEN, partial };
}

/** Exporters repeat 502, 503 and 504, and no other server error. */
function retriableStatus(status: number): number {
  return status >= 500 && ![502, 503, 504].includes(status) ? 503 : status;
}

function codeOf(status: number): number {
  if (status === 401) return UNAUTHENTICATED;
  if (status === 429) return RESOURCE_EXHAUSTED;
  if (status === 499) return CANCELLED;
  return status >= 500 ? UNAVAILABLE : INVALID_ARGUMENT;
}
