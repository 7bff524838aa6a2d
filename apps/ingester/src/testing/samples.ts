// What tests of the ingester say again and again: a sample, how it is printed, and waiting until ready.
import type { FakeSample } from './fake-head.ts';
import { type Process, START_MS, until } from './world.ts';

export function sample(name: string, atMs: number, v: number): FakeSample {
  return { labels: { __name__: name }, t: START_MS + atMs, v };
}

/** As readAll() and readBucket() print it. */
export function printed(name: string, atMs: number, v: number): string {
  return `__name__${name}@${atMs}=${v}`;
}

export async function ready({ ingester }: Process): Promise<void> {
  await until(
    () => ingester.readiness().ready,
    () => `ready: ${ingester.readiness().reason}`,
  );
}
