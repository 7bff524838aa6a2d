// A process that tells of itself: at once, again and again, whatever fails, and takes it back.
import { createMemoryCluster } from '@weir/cluster/memory';
import { WeirError } from '@weir/errors';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import { presenceService } from './presence.ts';

it('tells of itself, again after a failure, and no more once it has stopped', async () => {
  const cluster = createMemoryCluster();
  const { put } = cluster;
  let puts = 0;
  let nowMs = 5;
  cluster.put = async (entry) => {
    if (++puts === 2) throw new WeirError('unavailable', 'no broker');
    await put(entry);
  };
  const sleeps: (() => void)[] = [];
  const clock = {
    ...systemClock,
    nowMs: () => nowMs,
    sleep: (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        sleeps.push(resolve);
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const settings = { id: 'd:1', address: 'd:1', zone: 'z', targets: ['distributor'] as const };
  const service = presenceService(
    { ...settings, heartbeatPeriodMs: 5000 },
    { cluster, clock, log: silentTelemetry().log },
  );
  await service.start?.();
  const beaten = async (count: number) => {
    while (sleeps.length < count) await systemClock.yield();
  };
  await beaten(1);
  expect(cluster.view.instances.get('d:1')).toEqual({
    ...{ kind: 'instance', ...settings, heartbeatMs: 5, registeredMs: 5 },
  });
  nowMs = 6;
  sleeps[0]!();
  await beaten(2);
  expect(cluster.view.instances.get('d:1')?.heartbeatMs).toBe(5);
  sleeps[1]!();
  await beaten(3);
  expect(cluster.view.instances.get('d:1')).toMatchObject({ heartbeatMs: 6, registeredMs: 5 });
  await service.stop?.();
  expect([cluster.view.instances.size, puts]).toEqual([0, 3]);
});
