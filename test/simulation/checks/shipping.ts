// What leaves heads and what the group offset passes must lie in whole blocks in the bucket (invariants 4
// and 5), and only one shipper's manifest counts (invariant 6).
import type { Bucket } from '@weir/bucket';
import type { Manifest } from '@weir/catalog';
import type { TenantWindow } from '@weir/head';
import type { CommittedOffset } from '@weir/log';
import { decodeBlockMeta, isUlid, openBlock } from '@weir/tsdb/block';
import { readSeries } from '../answer-series.ts';
import type { Coverage } from '../coverage.ts';
import type { Model } from '../model.ts';
import { type MustSample, WINDOW_MS } from '../points.ts';
import type { SimProcess } from '../process.ts';
import { Violation } from '../violation.ts';

export class ShippingChecks {
  readonly #model: Model;
  readonly #bucket: Bucket;
  readonly #coverage: Coverage;
  /** Per partition: must-samples below this index are all shipped. */
  readonly #shippedBelow: number[];
  readonly #manifests = new Map<string, Manifest>();
  readonly blocks = new Set<string>();
  readonly committed = new Map<string, number>();

  constructor(model: Model, bucket: Bucket, coverage: Coverage) {
    this.#model = model;
    this.#bucket = bucket;
    this.#coverage = coverage;
    this.#shippedBelow = model.must.map(() => 0);
  }

  /** An object was written: a finished block, a manifest, or a part of something. */
  async wrote(key: string, process: SimProcess): Promise<void> {
    const parts = key.split('/');
    if (parts.at(-1) === 'manifest.json') await this.#manifestWritten(key, process);
    if (parts.length === 3 && parts[2] === 'meta.json' && isUlid(parts[1]!)) {
      await this.#blockWritten(parts[0]!, `${parts[0]}/${parts[1]}/`);
    }
  }

  async #blockWritten(tenant: string, prefix: string): Promise<void> {
    if (this.blocks.has(prefix)) this.#coverage.note('block uploaded again');
    else this.#coverage.note('block shipped');
    this.blocks.add(prefix);
    const meta = decodeBlockMeta((await this.#bucket.get(`${prefix}meta.json`)).body);
    const source = {
      size: async (file: string) => (await this.#bucket.info(prefix + file))!.sizeBytes,
      read: (file: string, offset: number, length: number) =>
        this.#bucket.getRange(prefix + file, offset, length),
    };
    const reader = await openBlock(source, meta);
    const partition = meta.weir?.partition;
    const all = { matchers: [], minT: -Infinity, maxT: Infinity };
    for await (const batch of reader.select(all)) {
      for (const { labels, chunks } of batch) {
        const { times } = readSeries(chunks, meta.minTime, meta.maxTime - 1);
        const found = this.#model.tenants.get(tenant)?.get(latin1(labels));
        const series = found?.find((one) => one.partition === partition);
        if (series === undefined) {
          throw new Violation(7, 'block', `block ${prefix} has a series that nobody pushed`);
        }
        for (const t of times) {
          const point = series.points.get(t);
          if (point !== undefined) point.shipped = true;
        }
      }
    }
  }

  async #manifestWritten(key: string, process: SimProcess): Promise<void> {
    const { body } = await this.#bucket.get(key);
    const manifest = JSON.parse(Buffer.from(body).toString('utf8')) as Manifest;
    const before = this.#manifests.get(key);
    this.#manifests.set(key, manifest);
    this.#coverage.note('manifest written');
    if (before === undefined) return;
    if ((manifest.epoch ?? 0) < (before.epoch ?? 0)) {
      const epochs = `${before.epoch} by ${manifest.epoch}`;
      throw new Violation(6, 'epoch', `${process.name} replaced the manifest of epoch ${epochs}`);
    }
    for (const old of before.windows) {
      const now = manifest.windows.find(
        (one) => one.tenant === old.tenant && one.minT === old.minT && one.maxT === old.maxT,
      );
      if (now !== undefined && now.throughOffset < old.throughOffset) {
        throw new Violation(6, 'manifest', `window ${old.tenant}/${old.minT} went back`);
      }
      const lost = now && old.blocks.find((ulid) => !now.blocks.includes(ulid));
      if (lost) throw new Violation(6, 'manifest', `block ${lost} vanished from the manifest`);
    }
  }

  groupCommitted(group: string, partition: number, { nextOffset }: CommittedOffset): void {
    const id = `${group}/${partition}`;
    const before = this.committed.get(id) ?? 0;
    if (nextOffset < before) {
      throw new Violation(4, 'commit', `${id} went back from ${before} to ${nextOffset}`);
    }
    this.committed.set(id, nextOffset);
    if (nextOffset > before) this.#coverage.note('group commit moved');
    const missing = this.#firstUnshipped(partition);
    if (missing !== undefined && missing.offset < nextOffset) {
      throw new Violation(4, 'commit', `${id} at ${nextOffset} passed ${describe(missing)}`);
    }
  }

  #firstUnshipped(partition: number): MustSample | undefined {
    const must = this.#model.must[partition]!;
    let at = this.#shippedBelow[partition]!;
    while (at < must.length && must[at]!.point.shipped) at++;
    this.#shippedBelow[partition] = at;
    return must[at];
  }

  /** The earliest record's sample of a tenant that is in no block. */
  firstUnshippedOf(partition: number, tenant: string): MustSample | undefined {
    this.#firstUnshipped(partition);
    const must = this.#model.must[partition]!;
    return must.slice(this.#shippedBelow[partition]!).find(({ series, point }) => {
      return series.tenant === tenant && !point.shipped;
    });
  }

  nothingLeft(): boolean {
    return this.#model.must.every((_, partition) => this.#firstUnshipped(partition) === undefined);
  }

  /** After a flush of everything, with nothing broken. */
  allShipped(): void {
    this.#model.must.forEach((_, partition) => {
      const missing = this.#firstUnshipped(partition);
      if (missing === undefined) return;
      throw new Violation(5, 'flushed', `${describe(missing)} is in no block after a flush`);
    });
  }

  /** A head is told to forget a window. */
  dropped(partition: number, window: TenantWindow): void {
    const must = this.#model.must[partition]!;
    for (let at = this.#shippedBelow[partition]!; at < must.length; at++) {
      const sample = must[at]!;
      if (sample.offset > window.lastOffset) break;
      const { series, point } = sample;
      if (point.shipped || series.tenant !== window.tenant) continue;
      if (point.t < window.minT || point.t >= window.minT + WINDOW_MS) continue;
      throw new Violation(5, 'drop', `a head of ${partition} forgets ${describe(sample)}`);
    }
    this.#coverage.note('window dropped');
  }
}

export function describe({ series, point, offset }: MustSample): string {
  const name = series.key.replace(/[^ -~]+/g, ' ').trim();
  return `${series.tenant} {${name}} t=${point.t} of offset ${offset} in partition ${series.partition}`;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
