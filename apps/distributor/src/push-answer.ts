// A push's answer as data: status, text and headers, decided in one place. Texts and codes are what
// senders act on: 4xx drops the data, 429 and 5xx with Retry-After keep it and come back.
import { toWeirError, type WeirError } from '@weir/errors';
import type { Random } from '@weir/runtime';
import type { DistributorSettings } from './distributor-flags.ts';
import type { RemoteWriteVersion } from './negotiation.ts';

export interface PushAnswer {
  readonly status: number;
  /** Plain text; empty on success. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface WrittenCounts {
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
}

export const NOTHING_WRITTEN: WrittenCounts = { samples: 0, histograms: 0, exemplars: 0 };

/** 2.0 wants 204; 1.0 senders have always got 200. */
export function successAnswer(version: RemoteWriteVersion, written: WrittenCounts): PushAnswer {
  return { status: version === 2 ? 204 : 200, body: '', headers: writtenHeaders(version, written) };
}

/** Another replica is listened to: nothing was stored, and nothing is to be sent again. */
export function deduplicatedAnswer(version: RemoteWriteVersion, message: string): PushAnswer {
  return { status: 202, body: message, headers: writtenHeaders(version, NOTHING_WRITTEN) };
}

/** Valid series were stored; the first refusal is the text. */
export function partialAnswer(
  version: RemoteWriteVersion,
  written: WrittenCounts,
  message: string,
): PushAnswer {
  return { status: 400, body: message, headers: writtenHeaders(version, written) };
}

export interface RetryHint {
  readonly settings: DistributorSettings;
  readonly random: Random;
  /** The request header `Retry-Attempt`. */
  readonly retryAttempt: string | undefined;
}

export function errorAnswer(
  version: RemoteWriteVersion,
  failure: unknown,
  hint: RetryHint,
): PushAnswer {
  const error: WeirError = toWeirError(failure);
  const headers: Record<string, string> = { ...writtenHeaders(version, NOTHING_WRITTEN) };
  const retriable = error.status === 429 || error.status >= 500;
  if (retriable && hint.settings.retryAfterEnabled) {
    headers['retry-after'] = String(retryAfterSeconds(hint));
  }
  return { status: error.status, body: error.message || 'unknown error', headers };
}

function writtenHeaders(
  version: RemoteWriteVersion,
  written: WrittenCounts,
): Readonly<Record<string, string>> {
  // A 1.0 answer without them tells a 2.0 sender that this wasn't understood as 2.0.
  if (version === 1) return {};
  return {
    'x-prometheus-remote-write-samples-written': String(written.samples),
    'x-prometheus-remote-write-histograms-written': String(written.histograms),
    'x-prometheus-remote-write-exemplars-written': String(written.exemplars),
  };
}

/** Exponential in the sender's attempt, with half of it as jitter either way, between both bounds. */
export function retryAfterSeconds(hint: RetryHint): number {
  const min = Math.max(1, Math.ceil(hint.settings.retryAfterMinMs / 1000));
  const max = Math.max(min, Math.floor(hint.settings.retryAfterMaxMs / 1000));
  const stated = /^\d+$/.test(hint.retryAttempt ?? '') ? Number(hint.retryAttempt) : 1;
  const attempt = Math.max(1, stated);
  const base = Math.min(max, min * 2 ** Math.min(attempt - 1, 32));
  const half = Math.floor(base / 2);
  const jitter = Math.floor(hint.random.next() * (2 * half + 1)) - half;
  return Math.min(max, Math.max(min, base + jitter));
}
