// An ingester's HTTP routes without HTTP: rollout tools and people call them by method and path, and get the
// status. Only what needs nothing of the request.
import type { HttpServer } from '@weir/http';
import type { Ingester } from '@weir/ingester';

/** Resolves with the status of the answer. */
export type Control = (method: 'GET' | 'POST' | 'DELETE', url: string) => Promise<number>;

type Handler = (request: unknown, reply: unknown) => Promise<unknown>;

export function createControl(ingester: Ingester): Control {
  const handlers = new Map<string, Handler>();
  const add = (method: string, url: string, handler: Handler) =>
    handlers.set(`${method} ${url}`, handler);
  const under = (method: string) => (url: string, handler: Handler) => add(method, url, handler);
  const server = {
    ...{ get: under('GET'), post: under('POST'), put: under('PUT'), all: under('ALL') },
    route(one: { method: string | string[]; url: string; handler: Handler }) {
      for (const method of [one.method].flat()) add(method, one.url, one.handler);
    },
  };
  // Routes use nothing else of a server.
  ingester.routes(server as unknown as HttpServer, () => '');
  return async (method, url) => {
    let status = 200;
    const reply = {
      code(wanted: number) {
        status = wanted;
        return reply;
      },
      ...{ headers: () => reply, header: () => reply, type: () => reply, send: () => reply },
    };
    await handlers.get(`${method} ${url}`)!({}, reply);
    return status;
  };
}
