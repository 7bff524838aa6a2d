// Metrics by name, unit and kind: what their series are called, and whether this request has told their
// metadata already. Kept across requests, up to a bound.
import { equalBytes, hashBytes, text, utf8 } from '@weir/bytes';
import { metricName, metricUnit, type NamedKind } from './metric-names.ts';
import type { OtlpTranslation } from './translation.ts';

const METRICS_MAX = 8192;
const KEPT_NAME_MAX_BYTES = 1024;
const SUFFIXES = ['_bucket', '_count', '_sum'] as const;

/** MetricMetadata.MetricType. */
export const TYPE_UNKNOWN = 0;
export const TYPE_COUNTER = 1;
export const TYPE_GAUGE = 2;
export const TYPE_HISTOGRAM = 3;
export const TYPE_SUMMARY = 5;

export interface SentMetric {
  readonly name: Uint8Array;
  readonly unit: Uint8Array;
  readonly kind: NamedKind;
}

export interface MetricNames {
  readonly sent: SentMetric;
  /** Undefined where nothing valid is left of the name. */
  readonly name: Uint8Array | undefined;
  readonly bucket: Uint8Array;
  readonly count: Uint8Array;
  readonly sum: Uint8Array;
  readonly unit: Uint8Array;
  /** The request that has told its metadata last. */
  toldIn: number;
}

export class MetricTable {
  readonly #translation: OtlpTranslation;
  readonly #byHash = new Map<number, MetricNames[]>();
  #count = 0;

  constructor(translation: OtlpTranslation) {
    this.#translation = translation;
  }

  get isFull(): boolean {
    return this.#count >= METRICS_MAX;
  }

  of(sent: SentMetric): MetricNames {
    const hash = hashBytes(sent.name, 0, sent.name.length, sent.kind.length);
    const found = this.#byHash.get(hash);
    for (const each of found ?? []) if (isSame(each.sent, sent)) return each;
    const made = this.#make(sent);
    if (this.isFull || sent.name.length + sent.unit.length > KEPT_NAME_MAX_BYTES) return made;
    this.#count++;
    if (found === undefined) this.#byHash.set(hash, [made]);
    else found.push(made);
    return made;
  }

  #make(sent: SentMetric): MetricNames {
    const unit = text(sent.unit);
    const { strategy } = this.#translation;
    const name = metricName({ name: text(sent.name), unit, kind: sent.kind }, strategy);
    const [bucket, count, sum] = SUFFIXES.map((suffix) => utf8(`${name ?? ''}${suffix}`));
    return {
      sent: { name: sent.name.slice(), unit: sent.unit.slice(), kind: sent.kind },
      name: name === undefined ? undefined : utf8(name),
      ...{ bucket: bucket!, count: count!, sum: sum! },
      unit: utf8(metricUnit(unit, strategy)),
      toldIn: -1,
    };
  }
}

function isSame(a: SentMetric, b: SentMetric): boolean {
  return a.kind === b.kind && equalBytes(a.name, b.name) && equalBytes(a.unit, b.unit);
}
