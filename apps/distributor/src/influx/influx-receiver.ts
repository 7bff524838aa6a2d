// Writes in InfluxDB's line protocol: decompress, scan, store as any push. A line that can't be parsed refuses
// the whole write; series refused by a limit don't, the others are stored and the answer says so in the words
// by which clients know a partial write, so that they don't send it again.
import { WeirError } from '@weir/errors';
import type { Clock, Random } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import { influxPrecision } from '@weir/wire';
import { decompressInto } from '../decompress.ts';
import type { DistributorSettings } from '../distributor-flags.ts';
import type { Inflight, InflightShare } from '../inflight.ts';
import type { ProtocolPush, StoredPush } from '../protocol-push.ts';
import { errorAnswer } from '../push-answer.ts';
import type { PushMetrics } from '../push-metrics.ts';
import { receivePush } from '../receive-push.ts';

/** The body and the records made of it: labels are written for each field anew. */
const RECORDS_FACTOR = 4;

export interface InfluxRequest {
  readonly tenant: string;
  /** The query parameter; empty for nanoseconds. */
  readonly precision: string;
  readonly contentEncoding: string | undefined;
  /** The header `Retry-Attempt`. */
  readonly retryAttempt: string | undefined;
  /** The header `traceparent`. */
  readonly traceparent?: string | undefined;
  readonly body: Uint8Array;
}

export interface InfluxAnswer {
  /** 204 on success; 202 where another replica is listened to. */
  readonly status: number;
  /** What was wrong. */
  readonly message: string;
  /** When to come back; 0 says nothing. */
  readonly retryAfterSeconds: number;
}

export interface InfluxReceiver {
  /** Never rejects: whatever happens becomes an answer. */
  receive(request: InfluxRequest): Promise<InfluxAnswer>;
  /** The answer to a request that couldn't be read. */
  refuse(error: unknown, retryAttempt: string | undefined): InfluxAnswer;
}

export interface InfluxReceiverParts {
  readonly inflight: Inflight;
  readonly store: (push: ProtocolPush) => Promise<StoredPush>;
  readonly metrics: Pick<PushMetrics, 'influxRequest'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export function createInfluxReceiver(
  settings: DistributorSettings,
  parts: InfluxReceiverParts,
): InfluxReceiver {
  const limitBytes = settings.influxRequestBytesMax;

  function refuse(error: unknown, retryAttempt: string | undefined): InfluxAnswer {
    const { random } = parts;
    const plain = errorAnswer(1, error, { settings, random, retryAttempt });
    return {
      // Clients repeat 503; a plain 500 loses what they sent.
      status: plain.status === 500 ? 503 : plain.status,
      message: plain.body,
      retryAfterSeconds: Number(plain.headers['retry-after'] ?? 0),
    };
  }

  async function store(request: InfluxRequest, share: InflightShare): Promise<InfluxAnswer> {
    const precision = influxPrecision(request.precision);
    checkInfluxSize(request.body.length, limitBytes);
    share.add(request.body.length);
    const body = await decompressInto(share, RECORDS_FACTOR, request.body, {
      compression: compressionOf(request.contentEncoding),
      sizeMaxBytes: limitBytes,
      clock: parts.clock,
      tooLarge: () => tooLarge(limitBytes),
    });
    const stored = await parts.store({
      ...{ tenant: request.tenant, protocol: 'influx', share },
      traceparent: request.traceparent,
      body: () => body,
      begin: ({ influx, accepted }, { seed, rules }) => {
        influx.start(body, { seed, rules, precision, nowMs: parts.clock.nowMs() });
        return (budgetBytes) => influx.run(budgetBytes, accepted);
      },
    });
    if (stored.deduplicated !== undefined) {
      return { status: 202, message: stored.deduplicated, retryAfterSeconds: 0 };
    }
    if (stored.refusal !== undefined) {
      return { status: 400, message: `partial write: ${stored.refusal}`, retryAfterSeconds: 0 };
    }
    return { status: 204, message: '', retryAfterSeconds: 0 };
  }

  return {
    receive: (request) =>
      receivePush(request.tenant, parts, {
        count: () => parts.metrics.influxRequest(request.tenant),
        store: (share) => store(request, share),
        failed: 'push in line protocol failed',
        refuse: (failure) => refuse(failure, request.retryAttempt),
      }),
    refuse,
  };
}

/** Throws `invalid` with status 413 beyond the limit. */
export function checkInfluxSize(sizeBytes: number, limitBytes: number): void {
  if (sizeBytes > limitBytes) throw tooLarge(limitBytes, ` of ${sizeBytes} bytes (compressed)`);
}

/** Throws `invalid` with status 415 for what isn't taken. */
function compressionOf(contentEncoding: string | undefined): string {
  const encoding = (contentEncoding ?? '').trim().toLowerCase();
  if (['', 'identity', 'gzip', 'x-gzip'].includes(encoding)) return encoding;
  throw new WeirError(
    'invalid',
    `unsupported compression: ${encoding}. Only "gzip" or no compression supported`,
    { status: 415 },
  );
}

function tooLarge(limitBytes: number, ofSize = ''): WeirError {
  return new WeirError(
    'invalid',
    `the incoming Influx request has been rejected because its message size${ofSize} is larger than the allowed limit of ${limitBytes} bytes (err-mimir-distributor-max-influx-request-size). To adjust the related limit, configure -distributor.max-influx-request-size, or contact your service administrator.`,
    { status: 413 },
  );
}
