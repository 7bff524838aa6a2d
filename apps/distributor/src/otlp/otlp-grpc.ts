// OTLP metrics over gRPC: the MetricsService with one method, on a port of its own. Bytes go to the same
// receiver as those of HTTP, so that rules and answers are the same; only the form of an error differs.
//
// Without TLS, as collectors beside it send; whoever needs TLS terminates it before.
import type { Server, ServerUnaryCall, ServiceError, sendUnaryData } from '@grpc/grpc-js';
import { WeirError } from '@weir/errors';
import { encodeExportResponse, encodeRetryInfo, encodeStatus } from '@weir/wire';
import type { OtlpAnswer, OtlpReceiver } from './otlp-receiver.ts';
import { STRATEGY_HEADER, SUFFIXES_HEADER } from './otlp-translation.ts';

const METHOD = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
/** Where gRPC clients find RetryInfo; some repeat what a limit refused only with it. Python's look in the second. */
const DETAILS = 'grpc-status-details-bin';
const RETRY_INFO = 'google.rpc.retryinfo-bin';

export interface OtlpGrpcSettings {
  readonly address: string;
  /** 0 leaves it to the system. */
  readonly port: number;
  readonly requestBytesMax: number;
}

export interface OtlpGrpcParts {
  readonly receiver: OtlpReceiver;
  /** The tenant that the header X-Scope-OrgID names; throws `unauthenticated`. */
  readonly tenantOf: (header: string | undefined) => string;
}

export interface OtlpGrpcServer {
  readonly port: number;
  /** Requests in flight are answered. */
  close(): Promise<void>;
}

type Call = ServerUnaryCall<Buffer, Buffer>;

/** Listens; rejects with `unavailable` when the port can't be had. */
export async function openOtlpGrpc(
  settings: OtlpGrpcSettings,
  { receiver, tenantOf }: OtlpGrpcParts,
): Promise<OtlpGrpcServer> {
  const grpc = await import('@grpc/grpc-js');

  async function answer(call: Call): Promise<OtlpAnswer> {
    const retryAttempt = header(call, 'retry-attempt');
    try {
      const tenant = tenantOf(header(call, 'x-scope-orgid'));
      const strategy = header(call, STRATEGY_HEADER);
      const asked = { strategy, suffixes: header(call, SUFFIXES_HEADER) };
      const traceparent = header(call, 'traceparent');
      const request = { tenant, retryAttempt, traceparent, asked, body: call.request } as const;
      return await receiver.receive({ ...request, encoding: 'protobuf', compression: '' });
    } catch (error) {
      return receiver.refuse(error, retryAttempt);
    }
  }

  function statusOf({ code, message, retryAfterSeconds }: OtlpAnswer): Partial<ServiceError> {
    const metadata = new grpc.Metadata();
    const details = encodeStatus(code, message, retryAfterSeconds);
    metadata.set(DETAILS, Buffer.from(details));
    if (retryAfterSeconds > 0) {
      metadata.set(RETRY_INFO, Buffer.from(encodeRetryInfo(retryAfterSeconds)));
    }
    return { code, details: message, metadata };
  }

  const server = new grpc.Server({ 'grpc.max_receive_message_length': settings.requestBytesMax });
  const asItIs = (bytes: Buffer) => bytes;
  server.addService(
    {
      Export: {
        path: METHOD,
        requestStream: false,
        responseStream: false,
        requestSerialize: asItIs,
        requestDeserialize: asItIs,
        responseSerialize: asItIs,
        responseDeserialize: asItIs,
      },
    },
    {
      Export(call: Call, done: sendUnaryData<Buffer>) {
        void answer(call).then((found) => {
          if (found.code !== 0) done(statusOf(found));
          else done(null, Buffer.from(encodeExportResponse(found.partial)));
        });
      },
    },
  );
  const port = await bind(server, settings, grpc.ServerCredentials.createInsecure());
  return {
    port,
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

function bind(
  server: Server,
  { address, port }: OtlpGrpcSettings,
  credentials: Parameters<Server['bindAsync']>[1],
): Promise<number> {
  const host = address === '' ? '0.0.0.0' : address;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else {
        const message = `OTLP over gRPC can't listen at ${host}:${port}: ${error.message}`;
        reject(new WeirError('unavailable', message, { cause: error }));
      }
    });
  });
}

function header(call: Call, name: string): string | undefined {
  const [value] = call.metadata.get(name);
  return value === undefined ? undefined : String(value);
}
