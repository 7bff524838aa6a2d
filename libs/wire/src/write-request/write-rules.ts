// What a tenant may send, as plain numbers: the scanner's view of the limits. Whoever knows tenants
// and clocks computes them per request.
import type { AcceptedWrite } from './accepted-write.ts';
import type { NamedLabel } from './refusal-texts.ts';

/**
 * Changes the labels of a series of so many samples before they are judged; undefined leaves it out, after `out` was
 * told why.
 */
export type SeriesRelabel = (
  labels: readonly NamedLabel[],
  samples: number,
  out: AcceptedWrite,
) => NamedLabel[] | undefined;

/** Its beginning and a hash of all of it, or the hash alone. */
export type LongValues = 'truncated' | 'hashed';

export interface WriteRules {
  readonly labelNameBytesMax: number;
  /** The metric name's value included. */
  readonly labelValueBytesMax: number;
  /** What becomes of a longer value, where its series is not refused; of a longer metric name it always is. */
  readonly longValues?: LongValues;
  /** `__name__` counts. */
  readonly labelNamesMax: number;
  /** For metrics whose name ends in `_info`. */
  readonly labelNamesInfoMax: number;
  /** Samples later than this are refused, ms. */
  readonly timestampMaxMs: number;
  /** Samples earlier than this are refused, ms; -Infinity refuses none that a number can hold. */
  readonly timestampMinMs: number;
  /** Prometheus's names before UTF-8: `[a-zA-Z_:][a-zA-Z0-9_:]*`, labels without colons. */
  readonly legacyNames: boolean;
  /** Of family name, unit and help, bytes; help is cut, the others are refused. 0 is no limit. */
  readonly metadataBytesMax: number;
  /** False leaves native histograms out. */
  readonly histogramsEnabled: boolean;
  /** Positive and negative buckets of one native histogram. 0 is no limit. */
  readonly histogramBucketsMax: number;
  /** Whether a histogram with more buckets is brought to a lower resolution, or refused. */
  readonly histogramsReduced: boolean;
  /** Refusals speak of metrics and attributes, not of series and labels: to senders of OTLP. */
  readonly attributeWords?: boolean;
  /** False leaves exemplars out. */
  readonly exemplarsEnabled: boolean;
  /** Of one series; more are left out. 0 is no limit. */
  readonly exemplarsPerSeriesMax?: number;
  /** Name of a label that is taken off before all else. */
  readonly dropped?: Uint8Array;
  /** No plain path while it is set. */
  readonly relabel?: SeriesRelabel | undefined;
}

/** Whether labels may be stored otherwise than they come. */
export function changesLabels({ dropped, relabel }: WriteRules): boolean {
  return dropped !== undefined || relabel !== undefined;
}
