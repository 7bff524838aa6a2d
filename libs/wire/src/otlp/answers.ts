// What an OTLP receiver answers, as protobuf: the export response, google.rpc.Status, and the status with a
// RetryInfo that gRPC clients look for before they repeat what a limit refused.
import { utf8 } from '@weir/bytes';
import { ByteSink } from '../protobuf/byte-sink.ts';

const RETRY_INFO = utf8('type.googleapis.com/google.rpc.RetryInfo');

export interface PartialSuccess {
  readonly rejectedDataPoints: number;
  readonly errorMessage: string;
}

/** ExportMetricsServiceResponse: empty where all was taken. */
export function encodeExportResponse(partial: PartialSuccess | undefined): Uint8Array {
  const response = new ByteSink(64);
  if (partial === undefined) return response.copy();
  const inner = new ByteSink(64);
  if (partial.rejectedDataPoints > 0) {
    inner.byte(0x08);
    inner.uvarint(partial.rejectedDataPoints);
  }
  if (partial.errorMessage !== '') inner.field(0x12, utf8(partial.errorMessage));
  response.field(0x0a, inner.copy());
  return response.copy();
}

/** google.rpc.Status; with `retryAfterSeconds` it holds a RetryInfo. */
export function encodeStatus(code: number, message: string, retryAfterSeconds = 0): Uint8Array {
  const status = new ByteSink(64);
  status.byte(0x08);
  status.uvarint(code);
  if (message !== '') status.field(0x12, utf8(message));
  if (retryAfterSeconds > 0) {
    const any = new ByteSink(64);
    any.field(0x0a, RETRY_INFO);
    any.field(0x12, encodeRetryInfo(retryAfterSeconds));
    status.field(0x1a, any.copy());
  }
  return status.copy();
}

/** google.rpc.RetryInfo: its one field is a Duration. */
export function encodeRetryInfo(retryAfterSeconds: number): Uint8Array {
  const duration = new ByteSink(16);
  duration.byte(0x08);
  duration.uvarint(retryAfterSeconds);
  const info = new ByteSink(16);
  info.field(0x0a, duration.copy());
  return info.copy();
}
