// gRPC's status codes, and how a status stands in headers.

export const CANCELLED = 1;
export const INVALID_ARGUMENT = 3;
export const DEADLINE_EXCEEDED = 4;
export const RESOURCE_EXHAUSTED = 8;
export const FAILED_PRECONDITION = 9;
export const UNIMPLEMENTED = 12;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;
export const UNAUTHENTICATED = 16;

/** Ends a call with a status of gRPC's own, not of the receiver. */
export class GrpcError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** `grpc-message`: printable ASCII, all else and `%` as `%XX` of its UTF-8. */
export function encodeGrpcMessage(message: string): string {
  return Array.from(Buffer.from(message), (byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x25
      ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      : String.fromCharCode(byte),
  ).join('');
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ...{ H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 },
};

/** `grpc-timeout` in milliseconds; undefined where there is none, or none that makes sense. */
export function parseGrpcTimeout(value: string | undefined): number | undefined {
  const parts = /^(\d{1,8})([HMSmun])$/.exec(value ?? '');
  return parts === null ? undefined : Number(parts[1]) * UNITS_MS[parts[2]!]!;
}
