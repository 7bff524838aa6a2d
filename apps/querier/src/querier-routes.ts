// The Prometheus query API on the HTTP server: turns requests into data for an executor and streams its
// answers. Everything else, errors of parameters included, is the querier's.
import { Readable } from 'node:stream';
import { WeirError } from '@weir/errors';
import {
  clientSignal,
  type FastifyReply,
  type FastifyRequest,
  type HttpServer,
  readBody,
  readForm,
  sendApiError,
  sendPlainError,
} from '@weir/http';
import type { TenantLimits } from '@weir/limits';
import { readConsistencyOf } from './consistency/read-consistency.ts';
import type { QuerierSettings } from './querier-settings.ts';
import {
  type Endpoint,
  type QueryExecutor,
  type QueryRequest,
  readsSeries,
} from './query-request.ts';
import { READ_REQUEST_MAX_BYTES } from './remote-read/remote-read.ts';

export interface QuerierRouteParts {
  readonly tenantOf: (request: FastifyRequest) => string;
  /** The limits that hold for a tenant. */
  readonly limitsFor: (tenant: string) => TenantLimits;
  readonly version: string;
  readonly revision: string;
}

const ROUTES: readonly (readonly [Endpoint, string, readonly ('GET' | 'POST')[]])[] = [
  ['query', '/api/v1/query', ['GET', 'POST']],
  ['query_range', '/api/v1/query_range', ['GET', 'POST']],
  ['labels', '/api/v1/labels', ['GET', 'POST']],
  ['label_values', '/api/v1/label/:name/values', ['GET']],
  ['series', '/api/v1/series', ['GET', 'POST']],
  ['metadata', '/api/v1/metadata', ['GET']],
  ['query_exemplars', '/api/v1/query_exemplars', ['GET', 'POST']],
  ['format_query', '/api/v1/format_query', ['GET', 'POST']],
  ['parse_query', '/api/v1/parse_query', ['GET', 'POST']],
  ['cardinality_label_names', '/api/v1/cardinality/label_names', ['GET', 'POST']],
  ['cardinality_label_values', '/api/v1/cardinality/label_values', ['GET', 'POST']],
  ['cardinality_active_series', '/api/v1/cardinality/active_series', ['GET', 'POST']],
  [
    'cardinality_active_histograms',
    '/api/v1/cardinality/active_native_histogram_metrics',
    ['GET', 'POST'],
  ],
];

export function querierRoutes(
  server: HttpServer,
  settings: Pick<QuerierSettings, 'prometheusPrefix' | 'formSizeMaxBytes'>,
  executor: QueryExecutor,
  parts: QuerierRouteParts,
): void {
  const prefix = settings.prometheusPrefix.replace(/\/+$/, '');
  for (const [endpoint, path, methods] of ROUTES) {
    server.route({
      method: [...methods],
      url: prefix + path,
      handler: (request, reply) =>
        serve(endpoint, request, reply, settings.formSizeMaxBytes, executor, parts),
    });
  }
  server.route({
    method: 'POST',
    url: `${prefix}/api/v1/read`,
    // It is compressed already, or streams chunks, which are.
    config: { compress: false },
    handler: (request, reply) =>
      serve('read', request, reply, settings.formSizeMaxBytes, executor, parts),
  });
  for (const endpoint of ['discarded', 'freshness', 'user_stats'] as const) {
    server.get(`/api/v1/${endpoint}`, (request, reply) =>
      serve(endpoint, request, reply, settings.formSizeMaxBytes, executor, parts),
    );
  }
  for (const base of new Set(['', prefix])) {
    server.get(`${base}/api/v1/status/buildinfo`, (_request, reply) => {
      reply.header('content-type', 'application/json');
      return reply.send(JSON.stringify(buildInfo(parts)));
    });
  }
}

async function serve(
  endpoint: Endpoint,
  request: FastifyRequest,
  reply: FastifyReply,
  formSizeMaxBytes: number,
  executor: QueryExecutor,
  parts: QuerierRouteParts,
): Promise<FastifyReply> {
  const signal = clientSignal(reply);
  let query: QueryRequest;
  try {
    const tenant = parts.tenantOf(request);
    const params = [...(await readForm(request, formSizeMaxBytes))];
    const { name } = request.params as { name?: string };
    const { readConsistency } = parts.limitsFor(tenant);
    const consistency = readConsistencyOf(request.headers, readConsistency);
    const limits = limitsOf(endpoint, tenant, parts);
    query = { tenant, endpoint, params, limits, ...(name === undefined ? {} : { label: name }) };
    if (readsSeries(endpoint)) query = { ...query, consistency };
    if (endpoint === 'read') query = { ...query, body: await readRequest(request) };
  } catch (error) {
    return sendPlainError(reply, error);
  }
  try {
    const { status, headers, body } = await executor.execute(query, signal);
    reply.code(status).headers(headers);
    if (body instanceof Uint8Array) return reply.send(body);
    return reply.send(Readable.from(body, { objectMode: false, highWaterMark: 64 * 1024 }));
  } catch (error) {
    return sendApiError(reply, signal.aborted ? canceled(signal) : error);
  }
}

/** Snappy makes of what it can't compress a sixth more at most. */
async function readRequest(request: FastifyRequest): Promise<Uint8Array> {
  return new Uint8Array(await readBody(request, READ_REQUEST_MAX_BYTES * 1.25));
}

function isCardinality(endpoint: Endpoint): boolean {
  return endpoint.startsWith('cardinality_');
}

/** Throws where the tenant may not ask for cardinality. */
function limitsOf(endpoint: Endpoint, tenant: string, parts: QuerierRouteParts): TenantLimits {
  const limits = parts.limitsFor(tenant);
  if (!isCardinality(endpoint) || limits.cardinalityAnalysisEnabled) return limits;
  const message = `cardinality analysis is disabled for the tenant: ${tenant}`;
  throw new WeirError('invalid', message);
}

function canceled(signal: AbortSignal): WeirError {
  return new WeirError('canceled', 'context canceled', { cause: signal.reason });
}

/** Grafana chooses what it asks a datasource for by `application` and `features`: it takes us for Mimir. */
function buildInfo({ version, revision }: QuerierRouteParts) {
  return {
    status: 'success',
    data: {
      application: 'Grafana Mimir',
      version,
      revision,
      branch: '',
      goVersion: '',
      features: {},
    },
  };
}
