// The smallest storage behind the Queryable port: for the conformance cases and the engine's own bench.
// Another implementation (head, blocks) only has to offer the same functions. Native histograms pass
// through chunks, which is where their reset hints come from.
import {
  compareLabels,
  type HistogramColumns,
  type LabelBytes,
  labelValue,
  type NativeHistogram,
  STALE_NAN,
} from '@weir/model';
import type { Queryable } from '@weir/promql';
import { HistogramChunk, readHistogramChunk } from '@weir/tsdb/chunk';

/** A float, or the marker that ends a series. */
export type Float = number | 'stale';

/** Samples of one series; one that comes later replaces what was there. Starts are 0 where unknown. */
export interface TestStorage {
  append(
    labels: LabelBytes,
    t: readonly number[],
    v: readonly Float[],
    st?: readonly number[],
  ): void | Promise<void>;
  appendHistograms(
    labels: LabelBytes,
    t: readonly number[],
    h: readonly NativeHistogram[],
    st?: readonly number[],
  ): void | Promise<void>;
  clear(): void | Promise<void>;
  queryable(): Queryable | Promise<Queryable>;
  close(): void | Promise<void>;
}

type Value = Float | NativeHistogram;

interface Series {
  readonly labels: LabelBytes;
  readonly samples: Map<number, Value>;
  readonly starts: Map<number, number>;
}

interface Sample {
  readonly t: number;
  readonly value: Value;
  readonly start: number;
}

export function createMemoryStorage(): TestStorage {
  const series = new Map<string, Series>();
  const add = (
    labels: LabelBytes,
    t: readonly number[],
    values: readonly Value[],
    st: readonly number[] = [],
  ) => {
    const key = Buffer.from(labels).toString('latin1');
    const known = series.get(key) ?? { labels, samples: new Map(), starts: new Map() };
    series.set(key, known);
    t.forEach((time, index) => {
      known.samples.set(time, values[index]!);
      known.starts.set(time, st[index] ?? 0);
    });
  };
  return {
    append: add,
    appendHistograms: add,
    clear: () => series.clear(),
    queryable: () => queryableOf([...series.values()]),
    close() {},
  };
}

function queryableOf(all: readonly Series[]): Queryable {
  const ordered = [...all].sort((a, b) => compareLabels(a.labels, b.labels));
  const stored = new Map<Series, Sample[]>();
  const samplesOf = (series: Series) => {
    const known = stored.get(series) ?? throughChunks(series);
    stored.set(series, known);
    return known;
  };
  return {
    async select({ matchers, minT, maxT }) {
      const found = ordered.filter(({ labels }) =>
        matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      let at = -1;
      const wanted = () => samplesOf(found[at]!).filter(({ t }) => t >= minT && t <= maxT);
      return {
        next: () => ++at < found.length,
        get labels() {
          return found[at]!.labels;
        },
        samples(out) {
          for (const { t, value, start } of wanted()) {
            if (typeof value !== 'object')
              out.push(t, value === 'stale' ? STALE_NAN : value, start);
          }
        },
        histograms(out: HistogramColumns) {
          for (const { t, value, start } of wanted()) {
            if (typeof value === 'object') out.push(t, value, start);
          }
        },
        close() {},
      };
    },
  };
}

function throughChunks({ samples, starts }: Series): Sample[] {
  const out: Sample[] = [];
  const push = (t: number, value: Value) => out.push({ t, value, start: starts.get(t)! });
  let open: HistogramChunk | undefined;
  const close = () => {
    if (open === undefined) return;
    readHistogramChunk(open.encoding, open.bytes(), -Infinity, Infinity, push);
  };
  for (const [t, value] of [...samples].sort((a, b) => a[0] - b[0])) {
    if (typeof value !== 'object') {
      close();
      open = undefined;
      push(t, value);
    } else if (!open?.tryAppend(t, value)) {
      close();
      open = HistogramChunk.start(value.isFloat, open);
      open.tryAppend(t, value);
    }
  }
  close();
  return out;
}
