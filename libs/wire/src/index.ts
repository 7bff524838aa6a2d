// Protocols as bytes, a folder each; log records at `/log-record`. No I/O, no limits of tenants (they come in as rules).

export type { Decompressing, OutputBound } from './compression/bounded-output.ts';
export { lz4Decompress } from './compression/lz4-frame.ts';
export { zstdDecompress } from './compression/zstd.ts';
export { ZstdEncoder } from './compression/zstd-encoder.ts';
export { type InfluxPrecision, influxPrecision } from './influx/precision.ts';
export { InfluxScan, type InfluxScanStart } from './influx/scan.ts';
export {
  encodeExportResponse,
  encodeRetryInfo,
  encodeStatus,
  type PartialSuccess,
} from './otlp/answers.ts';
export { otlpJsonToProtobuf } from './otlp/json-to-protobuf.ts';
export { OtlpScan, type OtlpScanStart } from './otlp/scan.ts';
export {
  OTLP_STRATEGIES,
  type OtlpStrategy,
  type OtlpTranslation,
  type StartTimes,
} from './otlp/translation.ts';
export { KERNEL_BODY_MAX_BYTES, PushKernel } from './push-kernel/push-kernel.ts';
export { chunkFrame } from './remote-read/chunk-frame.ts';
export {
  parseReadRequest,
  RESPONSE_SAMPLES,
  RESPONSE_STREAMED_CHUNKS,
  type ReadQuery,
  type RemoteReadRequest,
} from './remote-read/read-request.ts';
export { ReadResult, readResponseBody } from './remote-read/sample-response.ts';
export { RemoteWrite1Scan } from './remote-write-1/scan.ts';
export { RemoteWrite2Scan } from './remote-write-2/scan.ts';
export { snappyUncompress, snappyUncompressedSize } from './snappy/snappy-block.ts';
export { AcceptedWrite, type Rejection } from './write-request/accepted-write.ts';
export { withId, withLimit } from './write-request/refusal-texts.ts';
export type { SeriesRelabel, WriteRules } from './write-request/write-rules.ts';
