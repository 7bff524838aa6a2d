// The HTTP server, tenants of requests, and errors as answers.

export type { FastifyInstance as HttpServer, FastifyReply, FastifyRequest } from 'fastify';
export {
  apiError,
  type ErrorAnswer,
  plainError,
  sendApiError,
  sendPlainError,
} from './error-answer.ts';
export { createHttpServer, type HttpServerParts, listen } from './http-server.ts';
export { type HttpSettings, httpFlags, type TenantSettings, tenantFlags } from './http-settings.ts';
export {
  badge,
  type Column,
  durationText,
  Html,
  type HtmlValue,
  html,
  type Mood,
  page,
  sendJson,
  sendPage,
  table,
  timeAndAge,
  wantsJson,
} from './page.ts';
export { clientSignal, queryOf, readBody, readForm } from './request-body.ts';
export { tenantOf } from './tenant.ts';
