// The one message of a unary gRPC call, read from its HTTP/2 stream with a bound: what its length announces is
// looked at before anything of it is taken, and what comes is counted into what is in flight as it comes.
// (gRPC over HTTP/2: a byte that says whether it is compressed, four of length, the message.)
import type { ServerHttp2Stream } from 'node:http2';
import { WeirError } from '@weir/errors';
import type { InflightShare } from '../inflight.ts';
import { GrpcError, INTERNAL, RESOURCE_EXHAUSTED } from './grpc-status.ts';

const PREFIX_BYTES = 5;

export interface GrpcMessage {
  readonly isCompressed: boolean;
  readonly body: Uint8Array;
}

/**
 * Rejects with a GrpcError for what is no single message or too large a one, with `unavailable` where there is no
 * room for it, and with `canceled` when the stream ends before.
 */
export function readGrpcMessage(
  stream: ServerHttp2Stream,
  sizeMaxBytes: number,
  share: InflightShare,
): Promise<GrpcMessage> {
  return new Promise((resolve, reject) => {
    const prefix = Buffer.alloc(PREFIX_BYTES);
    const chunks: Uint8Array[] = [];
    let received = 0;
    let length = 0;
    const take = (chunk: Uint8Array): void => {
      let body = chunk;
      if (received < PREFIX_BYTES) {
        const head = chunk.subarray(0, PREFIX_BYTES - received);
        prefix.set(head, received);
        received += head.length;
        if (received < PREFIX_BYTES) return;
        length = prefix.readUInt32BE(1);
        if (prefix[0]! > 1) throw new GrpcError(INTERNAL, `unexpected payload flag ${prefix[0]}`);
        checkGrpcSize(length, sizeMaxBytes);
        share.expect(length);
        body = chunk.subarray(head.length);
      }
      received += body.length;
      if (received > PREFIX_BYTES + length) {
        throw new GrpcError(INTERNAL, 'a unary call has one message, not more');
      }
      share.add(body.length);
      chunks.push(body);
    };
    const onData = (chunk: Uint8Array) => {
      try {
        take(chunk);
      } catch (error) {
        stream.off('data', onData);
        reject(error);
      }
    };
    stream.on('data', onData);
    stream.once('end', () => {
      if (received < PREFIX_BYTES || received < PREFIX_BYTES + length) {
        reject(new GrpcError(INTERNAL, 'the message is cut off'));
        return;
      }
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
      resolve({ isCompressed: prefix[0] === 1, body });
    });
    stream.once('close', () => {
      reject(new WeirError('canceled', 'the client cancelled its call before it was complete'));
    });
  });
}

/** In the words of gRPC's own servers. */
export function checkGrpcSize(sizeBytes: number, sizeMaxBytes: number): void {
  if (sizeBytes <= sizeMaxBytes) return;
  throw new GrpcError(
    RESOURCE_EXHAUSTED,
    `grpc: received message larger than max (${sizeBytes} vs. ${sizeMaxBytes})`,
  );
}
