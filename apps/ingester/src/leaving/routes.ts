// The routes by which rollout tools and people make an ingester leave, with Mimir's methods, bodies and codes.
// Two differ: DELETE takes prepare-shutdown back (Mimir with ingest storage answers 405, and its pods stay
// prepared), and a shutdown whose flush failed says so (Mimir answers 204).
import { toWeirError } from '@weir/errors';
import {
  type FastifyReply,
  type FastifyRequest,
  type HttpServer,
  readBody,
  sendJson,
} from '@weir/http';
import type { Departure } from './departure.ts';

const BODY_SIZE_MAX_BYTES = 4096;

export interface LeavingIngester {
  readonly departure: Departure;
  /** Started, and not stopping. */
  readonly running: boolean;
  /** Flushes, leaves the group and stops, while the process goes on. Rejects with what failed of it. */
  shutdown(): Promise<void>;
}

export function leavingRoutes(server: HttpServer, ingester: LeavingIngester): void {
  const { departure } = ingester;
  const text = { 'content-type': 'text/plain; charset=utf-8' };

  /** Nothing of it while the ingester starts or stops; what fails is a 500, or the conflict that it is. */
  const whileRunning =
    (handle: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      if (!ingester.running) return reply.code(503).send();
      try {
        return await handle(request, reply);
      } catch (error) {
        const { status, message } = toWeirError(error);
        return reply
          .code(status === 409 ? 409 : 500)
          .headers(text)
          .send(`${message}\n`);
      }
    };

  const since = (reply: FastifyReply) =>
    sendJson(reply, { timestamp: Math.floor((departure.drainingSinceMs ?? 0) / 1000) });
  route(server, '/ingester/prepare-partition-downscale', {
    GET: whileRunning(async (_request, reply) => since(reply)),
    POST: whileRunning(async (_request, reply) => {
      await departure.drain();
      return since(reply);
    }),
    DELETE: whileRunning(async (_request, reply) => {
      await departure.undrain();
      return since(reply);
    }),
  });

  route(server, '/ingester/prepare-shutdown', {
    GET: whileRunning(async (_request, reply) =>
      reply.headers(text).send(departure.shutdownPrepared ? 'set\n' : 'unset\n'),
    ),
    POST: whileRunning(async (_request, reply) => {
      await departure.prepareShutdown();
      return reply.code(204).send();
    }),
    DELETE: whileRunning(async (_request, reply) => {
      await departure.cancelShutdown();
      return reply.code(204).send();
    }),
  });

  const unregister = (reply: FastifyReply) => sendJson(reply, { unregister: departure.unregister });
  route(server, '/ingester/unregister-on-shutdown', {
    GET: whileRunning(async (_request, reply) => unregister(reply)),
    PUT: whileRunning(async (request, reply) => {
      const wanted = await readUnregister(request);
      if (wanted === undefined) return reply.code(400).send();
      departure.setUnregister(wanted);
      return unregister(reply);
    }),
    DELETE: whileRunning(async (_request, reply) => {
      departure.setUnregister(undefined);
      return unregister(reply);
    }),
  });

  server.post('/ingester/shutdown', async (_request, reply) => {
    try {
      await ingester.shutdown();
    } catch (error) {
      const message = `the ingester has stopped, but not everything was done: ${toWeirError(error).message}`;
      return reply.code(500).headers(text).send(`${message}\n`);
    }
    return reply.code(204).send();
  });

  // Of Mimir without ingest storage: partitions are prepared here.
  server.all('/ingester/prepare-instance-ring-downscale', (_request, reply) =>
    reply.code(405).header('allow', '').send(),
  );
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

function route(server: HttpServer, url: string, handlers: Readonly<Record<string, Handler>>): void {
  for (const [method, handler] of Object.entries(handlers)) server.route({ method, url, handler });
}

/** `{"unregister": true|false}`; undefined for anything else. */
async function readUnregister(request: FastifyRequest): Promise<boolean | undefined> {
  try {
    const body = await readBody(request, BODY_SIZE_MAX_BYTES);
    const value = JSON.parse(body.toString('utf8')) as { unregister?: unknown } | null;
    return typeof value?.unregister === 'boolean' ? value.unregister : undefined;
  } catch {
    return undefined;
  }
}
