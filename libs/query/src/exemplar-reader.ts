// Exemplars of all owners of a tenant. They lie in heads only, so blocks are not asked. A series whose
// partition has changed may have some in two heads, and a retried push may have left one in both.
import { compareLabels, encodeLabels, type LabelBytes, type Matcher } from '@weir/model';
import { decodeJson } from './read-message.ts';
import type {
  Exemplar,
  OwnerDirectory,
  ReadPort,
  ReadRequest,
  SeriesExemplars,
} from './read-port.ts';
import { askOwners, endReads, followSignal } from './remote-series.ts';

export interface ExemplarRequest {
  /** Of series that all matchers of at least one set match. */
  readonly matcherSets: readonly (readonly Matcher[])[];
  /** Inclusive, ms. */
  readonly minT: number;
  readonly maxT: number;
}

export interface ExemplarReader {
  /** In label order, each series once; its exemplars ascending by time. */
  exemplars(request: ExemplarRequest, signal: AbortSignal): Promise<readonly SeriesExemplars[]>;
}

export function createExemplarReader(
  settings: { readonly tenant: string },
  parts: { readonly owners: OwnerDirectory },
): ExemplarReader {
  const { tenant } = settings;
  return {
    async exemplars({ matcherSets, minT, maxT }, signal) {
      const controller = followSignal(signal);
      try {
        const question = {
          kind: 'exemplars',
          tenant,
          matchers: [],
          matcherSets,
          minT,
          maxT,
        } as const;
        return merge((await askOwners(parts.owners, question, controller, readExemplars)).flat());
      } finally {
        endReads(controller);
      }
    },
  };
}

/** All messages of one owner. */
export async function readExemplars(
  port: ReadPort,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<SeriesExemplars[]> {
  const found: SeriesExemplars[] = [];
  for await (const message of port.read(request, signal)) {
    for (const { labels, exemplars } of decodeJson(message) as SeriesExemplars[]) {
      found.push({
        labels,
        exemplars: exemplars.map((one) => ({ ...one, value: Number(one.value) })),
      });
    }
  }
  return found;
}

function merge(answers: readonly SeriesExemplars[]): SeriesExemplars[] {
  const bySeries = new Map<string, { bytes: LabelBytes; found: SeriesExemplars }>();
  for (const series of answers) {
    const key = JSON.stringify(series.labels);
    const earlier = bySeries.get(key);
    if (earlier === undefined) {
      bySeries.set(key, { bytes: encodeLabels(series.labels), found: series });
    } else {
      const exemplars = distinct([...earlier.found.exemplars, ...series.exemplars]);
      earlier.found = { labels: series.labels, exemplars };
    }
  }
  return [...bySeries.values()]
    .sort((a, b) => compareLabels(a.bytes, b.bytes))
    .map(({ found }) => found);
}

function distinct(exemplars: readonly Exemplar[]): Exemplar[] {
  const byText = new Map<string, Exemplar>();
  for (const one of exemplars)
    byText.set(`${one.t} ${one.value} ${JSON.stringify(one.labels)}`, one);
  return [...byText.values()].sort((a, b) => a.t - b.t);
}
