// The pages every process has: index, configuration, services, readiness, metrics, status. Paths and
// shapes are Mimir's ("HTTP API: all services").
import { badge, html, type Mood, page, sendPage, table } from '@weir/http';
import { type Clock, isoTime } from '@weir/runtime';
import type { Telemetry } from '@weir/telemetry';
import type { FastifyInstance } from 'fastify';
import type { ServiceState, Services } from './services.ts';

export interface AdminParts {
  readonly services: Services;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** The configuration as YAML: in full, the defaults, or only what differs from them. */
  readonly configYaml: (mode: 'full' | 'defaults' | 'diff') => string;
}

export interface Link {
  readonly path: string;
  readonly text: string;
}

export interface LinkGroup {
  readonly title: string;
  readonly links: readonly Link[];
}

const LINKS: readonly Link[] = [
  { path: '/ready', text: 'Readiness' },
  { path: '/services', text: 'Services' },
  { path: '/config', text: 'Configuration' },
  { path: '/config?mode=diff', text: 'Configuration that differs from the defaults' },
  { path: '/metrics', text: 'Metrics' },
  { path: '/api/v1/status/buildinfo', text: 'Build information' },
];

const MOODS: Readonly<Record<ServiceState, Mood>> = {
  ...{ New: 'idle', Starting: 'busy', Running: 'good' },
  ...{ Stopping: 'busy', Terminated: 'idle', Failed: 'bad' },
};

/** Registers the pages; `groups` are the links to those of the services that run here. */
export function adminRoutes(
  server: FastifyInstance,
  parts: AdminParts,
  groups: readonly LinkGroup[] = [],
): void {
  const { services, telemetry, clock } = parts;

  server.get('/', async (_request, reply) => {
    reply.type('text/html; charset=utf-8');
    return indexPage([{ title: 'This process', links: LINKS }, ...groups]);
  });

  server.get('/ready', async (_request, reply) => {
    const { ready, reason, notes = [] } = services.readiness();
    reply.code(ready ? 200 : 503).type('text/plain; charset=utf-8');
    return ready ? ['ready', ...notes].join('\n') : `${reason}\n`;
  });

  server.get('/services', async (request, reply) => {
    const status = services.status();
    const rows = status.map(({ name, status: state }) => [name, badge(state, MOODS[state])]);
    return sendPage(request, reply, { now: isoTime(clock.nowMs()), services: status }, () =>
      page('Services', table([{ title: 'Service' }, { title: 'Status' }], rows)),
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

function indexPage(groups: readonly LinkGroup[]): string {
  return page(
    'Weir',
    html`<p>A Prometheus-compatible metrics store.</p>`,
    groups.map(
      ({ title, links }) =>
        html`<h2>${title}</h2><ul>${links.map(({ path, text }) => html`<li><a href="${path}">${text}</a></li>`)}</ul>`,
    ),
  );
}
