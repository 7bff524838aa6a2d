// What a rehearsal asks, in which order, and when it ends.
import { systemClock } from '@weir/runtime';
import { expect, it } from 'vitest';
import type { QueryAnswer, QueryRequest } from '../query-request.ts';
import { rehearse, rehearsedRequests } from './rehearsal.ts';

const answer = (status: number, body: QueryAnswer['body']): QueryAnswer => ({
  ...{ status, headers: {}, body },
});
const requests = rehearsedRequests({ tenant: 't', oldestMs: 1_000, newestMs: 61_000 });

it('asks for everything in turn, again and again, and takes all of each answer', async () => {
  const asked: QueryRequest[] = [];
  let open = 0;
  let steps = 0;
  const steady = rehearse(requests, async (request) => {
    asked.push(request);
    expect(open).toBe(0);
    open++;
    return answer(
      200,
      (async function* () {
        yield new Uint8Array(1);
        await systemClock.yield();
        open--;
      })(),
    );
  });
  for await (const _ of steady) {
    expect(open).toBe(0);
    expect(asked).toHaveLength(++steps);
  }
  expect(asked.slice(0, requests.length)).toEqual(requests);
  expect(asked.slice(-requests.length)).toEqual(requests);
  expect(steps % requests.length).toBe(0);
  expect(steps).toBeGreaterThan(5 * requests.length);
});

it('asks nothing once its steps are no longer taken', async () => {
  let asked = 0;
  const body = new Uint8Array(0);
  const steady = rehearse(requests, async () => {
    asked++;
    return answer(200, body);
  });
  for await (const _ of steady) if (asked === 3) break;
  expect(asked).toBe(3);
});

it('ends with the first answer that is an error, which it tells', async () => {
  const refusals = [answer(200, new Uint8Array(0)), answer(503, Buffer.from('no owner'))];
  const steady = rehearse(requests, async () => refusals.shift()!);
  await steady.next();
  await expect(steady.next()).rejects.toThrow('answered 503: no owner');
  expect(refusals).toEqual([]);
});
