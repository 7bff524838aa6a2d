// Rejected queries as operators count them: by tenant, and no other refusal.
import { WeirError } from '@weir/errors';
import { createTelemetry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import { blockedQuery } from '../blocked-query.ts';
import type { QueryRequest } from '../query-request.ts';
import { createCountingExecutor } from './counting-executor.ts';
import { errorAnswer } from './error-answer.ts';

it('counts blocked queries, and no other error', async () => {
  const errors = [
    blockedQuery('too dear'),
    new WeirError('invalid', 'no'),
    blockedQuery(''),
    new WeirError('internal', 'oh'),
  ];
  const executor = {
    execute: async (request: QueryRequest) => errorAnswer(request, errors.shift()),
    close: async () => {},
  };
  const telemetry = createTelemetry({ level: 'silent' });
  const counting = createCountingExecutor({ executor, telemetry });
  const never = new AbortController().signal;
  const request = { tenant: 'one', endpoint: 'query', params: [] } as const;
  const statuses: number[] = [];
  for (let at = 0; at < 4; at++) statuses.push((await counting.execute(request, never)).status);
  expect(statuses).toEqual([400, 400, 400, 500]);
  expect(await telemetry.metrics.metrics()).toContain(
    'cortex_query_frontend_rejected_queries_total{user="one",reason="blocked"} 2',
  );
});
