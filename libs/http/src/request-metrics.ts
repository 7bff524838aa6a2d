// Metrics of requests under Mimir's names: durations by route and status, and requests in flight.

import type { Clock } from '@weir/runtime';
import { Gauge, Histogram, type Telemetry } from '@weir/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Seconds; the buckets that Mimir's dashboards expect. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100];
/** Status of a request whose client left before it was answered. */
const CLIENT_LEFT = 499;

export function measureRequests(
  server: FastifyInstance,
  parts: { readonly telemetry: Telemetry; readonly clock: Clock },
): void {
  const registers = [parts.telemetry.metrics];
  const duration = new Histogram({
    name: 'cortex_request_duration_seconds',
    help: 'Time (in seconds) spent serving HTTP requests.',
    labelNames: ['method', 'route', 'status_code', 'ws'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'cortex_inflight_requests',
    help: 'Current number of inflight requests.',
    labelNames: ['method', 'route'],
    registers,
  });
  server.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done) => {
    const { method } = request;
    const route = routeLabel(request.routeOptions.url);
    const started = parts.clock.steadyMs();
    inFlight.inc({ method, route });
    reply.raw.once('close', () => {
      inFlight.dec({ method, route });
      const { headersSent, statusCode } = reply.raw;
      const status_code = String(headersSent ? statusCode : CLIENT_LEFT);
      const seconds = (parts.clock.steadyMs() - started) / 1000;
      duration.observe({ method, route, status_code, ws: 'false' }, seconds);
    });
    done();
  });
}

/** A route's pattern as a label: `/api/v1/label/:name/values` is `api_v1_label_name_values`. */
export function routeLabel(pattern: string | undefined): string {
  if (pattern === undefined) return 'other';
  const label = pattern
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return label === '' ? 'root' : label;
}
