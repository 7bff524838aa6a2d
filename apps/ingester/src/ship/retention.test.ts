// How long local blocks stay: queriers ask this ingester for recent samples, so a block goes only when all
// of it is older than the retention period and it has been in the bucket for an hour.
import { createMemoryBucket } from '@weir/bucket/memory';
import { silentTelemetry } from '@weir/telemetry';
import { expect, it } from 'vitest';
import { createIngesterMetrics } from '../metrics.ts';
import { createManualClock, START_MS } from '../testing/world.ts';
import type { LocalBlock } from '../workers/partition-host.ts';
import type { ManifestFile } from './manifest-file.ts';
import { createShipper } from './shipper.ts';

const HOUR_MS = 3_600_000;
const RETENTION_MS = 13 * HOUR_MS;
const ULID = '01JZZZZZZZZZZZZZZZZZZZZZZZ';

/** A shipper that finds a block on its disk, whose window ended `endAgeMs` ago. */
function shipperWith({ endAgeMs, isShipped }: { endAgeMs: number; isShipped: boolean }) {
  const clock = createManualClock(START_MS);
  const maxT = START_MS - endAgeMs;
  const window = { tenant: 'one', minT: maxT - 2 * HOUR_MS, maxT, firstOffset: 3, lastOffset: 7 };
  const { tenant, minT } = window;
  const windows = [{ tenant, minT, maxT, throughOffset: isShipped ? 7 : 6, blocks: [ULID] }];
  const manifest: ManifestFile = {
    current: { topicId: 'topic', partition: 0, windows },
    load: async () => {},
    refresh: async () => {},
    update: async () => {},
  };
  const { log, metrics } = silentTelemetry();
  const measured = {
    series: () => 0,
    lags: () => [],
    partitions: () => ({ serving: 0, others: 0 }),
    shutdownPrepared: () => false,
    activity: async () => [],
  };
  const shipper = createShipper(
    { topicId: 'topic', partition: 0, retentionPeriodMs: RETENTION_MS },
    {
      ...{ bucket: createMemoryBucket({ clock }), clock, log, manifest },
      metrics: createIngesterMetrics(metrics, measured),
    },
  );
  const block: LocalBlock = { ulid: ULID, dir: '/nowhere', window };
  shipper.remember([block]);
  return { clock, shipper };
}

it.each([
  ['below', RETENTION_MS - HOUR_MS - 1, []],
  ['at', RETENTION_MS - HOUR_MS, []],
  ['above', RETENTION_MS - HOUR_MS + 1, [ULID]],
])('a block whose end is %s the retention period', (_, endAgeMs, expected) => {
  const { clock, shipper } = shipperWith({ endAgeMs, isShipped: true });
  clock.advance(HOUR_MS);
  expect(shipper.expired()).toEqual(expected);
});

it.each([
  ['below', HOUR_MS - 1, []],
  ['at', HOUR_MS, [ULID]],
  ['above', HOUR_MS + 1, [ULID]],
])('an old block that is known to be in the bucket for %s an hour', (_, waitedMs, expected) => {
  const { clock, shipper } = shipperWith({ endAgeMs: 10 * RETENTION_MS, isShipped: true });
  clock.advance(waitedMs);
  expect(shipper.expired()).toEqual(expected);
});

it('a block that is not shipped stays however old it is; one that was deleted is not told again', () => {
  const kept = shipperWith({ endAgeMs: 10 * RETENTION_MS, isShipped: false });
  kept.clock.advance(10 * RETENTION_MS);
  expect(kept.shipper.expired()).toEqual([]);
  const { clock, shipper } = shipperWith({ endAgeMs: 10 * RETENTION_MS, isShipped: true });
  clock.advance(HOUR_MS);
  shipper.forget(shipper.expired());
  expect(shipper.expired()).toEqual([]);
});
