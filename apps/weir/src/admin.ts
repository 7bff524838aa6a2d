// The pages every process has: index, configuration, services, readiness, metrics, status. Paths and
// shapes are Mimir's ("HTTP API: all services").
import { type Clock, isoTime } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import type { FastifyInstance } from 'fastify';
import type { Services } from './services.ts';

export interface AdminParts {
  readonly services: Services;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** The configuration as YAML: in full, the defaults, or only what differs from them. */
  readonly configYaml: (mode: 'full' | 'defaults' | 'diff') => string;
}

interface Link {
  readonly path: string;
  readonly text: string;
}

const LINKS: readonly Link[] = [
  { path: '/ready', text: 'Readiness' },
  { path: '/services', text: 'Services' },
  { path: '/config', text: 'Configuration' },
  { path: '/config?mode=diff', text: 'Configuration that differs from the defaults' },
  { path: '/metrics', text: 'Metrics' },
  { path: '/api/v1/status/buildinfo', text: 'Build information' },
];

/** Registers the pages; `links` are those of the services that run here. */
export function adminRoutes(
  server: FastifyInstance,
  parts: AdminParts,
  links: readonly Link[] = [],
): void {
  const { services, telemetry, clock } = parts;

  server.get('/', async (_request, reply) => {
    reply.type('text/html; charset=utf-8');
    return indexPage([...LINKS, ...links]);
  });

  server.get('/ready', async (_request, reply) => {
    const { ready, reason, notes = [] } = services.readiness();
    reply.code(ready ? 200 : 503).type('text/plain; charset=utf-8');
    return ready ? ['ready', ...notes].join('\n') : `${reason}\n`;
  });

  server.get('/services', async (request, reply) => {
    const status = services.status();
    if (wantsJson(request.headers.accept)) {
      return { now: isoTime(clock.nowMs()), services: status };
    }
    const rows = status.map(
      ({ name, status: state }) => `<tr><td>${name}</td><td>${state}</td></tr>`,
    );
    reply.type('text/html; charset=utf-8');
    return page(
      'Services',
      `<table><tr><th>Service</th><th>Status</th></tr>${rows.join('')}</table>`,
    );
  });

  server.get<{ Querystring: { mode?: string } }>('/config', async (request, reply) => {
    const { mode } = request.query;
    reply.type('text/plain; charset=utf-8');
    return parts.configYaml(mode === 'diff' || mode === 'defaults' ? mode : 'full');
  });

  for (const path of ['/api/v1/status/config', '/api/v1/status/flags']) {
    server.get(path, async () => ({ status: 'success', data: {} }));
  }

  server.get('/metrics', async (_request, reply) => {
    reply.type(telemetry.metrics.contentType);
    return telemetry.metrics.metrics();
  });
}

function wantsJson(accept: string | undefined): boolean {
  return accept?.includes('application/json') ?? false;
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1b2330}
h1{font-size:1.4rem}a{color:#0b6bcb}table{border-collapse:collapse}td,th{text-align:left;padding:.3rem 1rem .3rem 0;border-bottom:1px solid #e3e8ef}
@media(prefers-color-scheme:dark){body{background:#12161d;color:#d8dee9}a{color:#6cb2f7}td,th{border-color:#2b3442}}`;

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir: ${title}</title><style>${STYLE}</style><h1>${title}</h1>${body}</html>`;
}

function indexPage(links: readonly Link[]): string {
  const items = links.map(({ path, text }) => `<li><a href="${path}">${text}</a></li>`);
  return page('Weir', `<p>A Prometheus-compatible metrics store.</p><ul>${items.join('')}</ul>`);
}
