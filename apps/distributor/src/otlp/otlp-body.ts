// An OTLP request's headers and body: which encoding, which compression, how large at most, and the protobuf
// bytes at the end of it.
import { WeirError } from '@weir/errors';
import { otlpJsonToProtobuf } from '@weir/wire';

export type OtlpEncoding = 'protobuf' | 'json';

const TYPES: Readonly<Record<string, OtlpEncoding>> = {
  'application/json': 'json',
  'application/x-protobuf': 'protobuf',
};

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

/** Throws `invalid` with status 413 beyond the limit, of the body as it came. */
export function checkOtlpSize(sizeBytes: number, limitBytes: number): void {
  if (sizeBytes > limitBytes) throw otlpTooLarge(limitBytes, ` of ${sizeBytes} bytes (compressed)`);
}

export function protobufOf(body: Uint8Array, encoding: OtlpEncoding): Uint8Array {
  if (encoding === 'protobuf') return body;
  return otlpJsonToProtobuf(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
}

/** In Mimir's words, which leave the size out where nobody knows it. */
export function otlpTooLarge(limitBytes: number, ofSize = ''): WeirError {
  return new WeirError(
    'invalid',
    `the incoming OTLP request has been rejected because its message size${ofSize} is larger than the allowed limit of ${limitBytes} bytes (err-mimir-distributor-max-otlp-request-size). To adjust the related limit, configure -distributor.max-otlp-request-size, or contact your service administrator.`,
    { status: 413 },
  );
}

function unsupported(message: string): WeirError {
  return new WeirError('invalid', message, { status: 415 });
}
