// An OTLP request's headers and body: which encoding, which compression, and the protobuf bytes at the end
// of it. Each step has the size limit, so that no small body becomes a large one.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { WeirError } from '@weir/errors';
import { lz4Decompress, otlpJsonToProtobuf, zstdDecompress } from '@weir/wire';

export type OtlpEncoding = 'protobuf' | 'json';

const TYPES: Readonly<Record<string, OtlpEncoding>> = {
  'application/json': 'json',
  'application/x-protobuf': 'protobuf',
};
const unzip = promisify(gunzip);

/** By content type; undefined where it is neither. Parameters are not looked at. */
export function encodingOf(contentType: string | undefined): OtlpEncoding | undefined {
  return TYPES[(contentType ?? '').split(';')[0]!.trim().toLowerCase()];
}

/** Throws `invalid` with status 415 for what isn't taken. */
export function checkOtlpHeaders(contentType: string | undefined, compression: string): void {
  if (encodingOf(contentType) === undefined) {
    throw unsupported(
      `unsupported content type: ${contentType ?? ''}, supported: [application/json, application/x-protobuf]`,
    );
  }
  if (!['', 'gzip', 'lz4', 'zstd', 'identity'].includes(compression)) {
    throw unsupported(
      `unsupported compression: ${compression}. Only "gzip", "lz4", "zstd", or no compression supported`,
    );
  }
}

/** Throws `invalid` with status 413 beyond the limit. */
export function checkOtlpSize(sizeBytes: number, limitBytes: number): void {
  if (sizeBytes > limitBytes) throw tooLarge(sizeBytes, limitBytes);
}

export async function decompressOtlp(
  body: Uint8Array,
  compression: string,
  limitBytes: number,
): Promise<Uint8Array> {
  const larger = () => tooLarge(limitBytes + 1, limitBytes);
  switch (compression) {
    case 'gzip':
      return await gunzipped(body, limitBytes, larger);
    case 'lz4':
      return lz4Decompress(body, limitBytes, larger);
    case 'zstd':
      return zstdDecompress(body, limitBytes, larger);
    default:
      return body;
  }
}

export function protobufOf(body: Uint8Array, encoding: OtlpEncoding): Uint8Array {
  if (encoding === 'protobuf') return body;
  return otlpJsonToProtobuf(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
}

async function gunzipped(
  body: Uint8Array,
  limitBytes: number,
  larger: () => WeirError,
): Promise<Uint8Array> {
  try {
    return await unzip(body, { maxOutputLength: limitBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw larger();
    throw new WeirError('invalid', 'gzip: corrupt input', { cause: error });
  }
}

function tooLarge(sizeBytes: number, limitBytes: number): WeirError {
  return new WeirError(
    'invalid',
    `the incoming OTLP request has been rejected because its message size of ${sizeBytes} bytes is larger than the allowed limit of ${limitBytes} bytes (err-mimir-distributor-max-otlp-request-size). To adjust the related limit, configure -distributor.max-otlp-request-size, or contact your service administrator.`,
    { status: 413 },
  );
}

function unsupported(message: string): WeirError {
  return new WeirError('invalid', message, { status: 415 });
}
