// The smallest storage behind the Queryable port: for the conformance cases and the engine's own bench.
// Another implementation (head, blocks) only has to offer the same four functions.
import { compareLabels, type LabelBytes, labelValue } from '@weir/model';
import type { Queryable } from '@weir/promql';

export interface TestStorage {
  /** Samples of one series; times ascend across calls or replace what was there. */
  append(labels: LabelBytes, t: readonly number[], v: readonly number[]): void | Promise<void>;
  clear(): void | Promise<void>;
  queryable(): Queryable | Promise<Queryable>;
  close(): void | Promise<void>;
}

interface Series {
  readonly labels: LabelBytes;
  readonly samples: Map<number, number>;
}

export function createMemoryStorage(): TestStorage {
  const series = new Map<string, Series>();
  return {
    append(labels, t, v) {
      const key = Buffer.from(labels).toString('latin1');
      const known = series.get(key) ?? { labels, samples: new Map<number, number>() };
      series.set(key, known);
      t.forEach((time, index) => {
        known.samples.set(time, v[index]!);
      });
    },
    clear: () => series.clear(),
    queryable: () => queryableOf([...series.values()]),
    close() {},
  };
}

function queryableOf(all: readonly Series[]): Queryable {
  const ordered = [...all].sort((a, b) => compareLabels(a.labels, b.labels));
  return {
    async select({ matchers, minT, maxT }) {
      const found = ordered.filter(({ labels }) =>
        matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name) ?? '')),
      );
      let at = -1;
      return {
        next: () => ++at < found.length,
        get labels() {
          return found[at]!.labels;
        },
        samples(out) {
          const times = [...found[at]!.samples].sort((a, b) => a[0] - b[0]);
          for (const [t, v] of times) if (t >= minT && t <= maxT) out.push(t, v);
        },
        close() {},
      };
    },
  };
}
