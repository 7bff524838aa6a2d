// The labels of a drafted series: objects, to be sorted and validated in Mimir's order; or, where the
// scan found them canonical already, their bytes, from which objects are made for an error's text only.
import { isUtf8 } from 'node:buffer';
import { compareBytes, hashBytes } from '@weir/bytes';
import { LabelReader, labelSize, writeLabel } from '@weir/model';
import type { AcceptedWrite } from './accepted-write.ts';
import { ShortenedValues } from './long-value.ts';
import { isLabelName, isMetricName } from './names.ts';
import { type NamedLabel, refusal } from './refusal-texts.ts';
import { changesLabels, type LongValues, type WriteRules } from './write-rules.ts';

const NAME = new TextEncoder().encode('__name__');
const INFO = new TextEncoder().encode('_info');
const EMPTY = new Uint8Array(0);

export class DraftLabels {
  /** Canonical; set by areGood(), or by take(). */
  bytes: Uint8Array = EMPTY;
  /** Of the bytes, seeded by the tenant. */
  hash = 0;
  #list: NamedLabel[] | undefined = [];
  #taken = false;
  readonly #shortened = new ShortenedValues();

  clear(): void {
    this.bytes = EMPTY;
    this.#list = [];
    this.#taken = false;
  }

  push(label: NamedLabel): void {
    this.list.push(label);
  }

  /** Canonical labels within the rules: nothing of them will be looked at again. */
  take(bytes: Uint8Array, hash: number): void {
    this.bytes = bytes;
    this.hash = hash;
    this.#list = undefined;
    this.#taken = true;
  }

  get list(): NamedLabel[] {
    this.#list ??= listOf(this.bytes);
    return this.#list;
  }

  get metric(): Uint8Array {
    return this.list.find((label) => compareBytes(label.name, NAME) === 0)?.value ?? EMPTY;
  }

  /** Sorts and validates; refusals count `samples`. */
  areGood(rules: WriteRules, seed: number, samples: number, out: AcceptedWrite): boolean {
    if (this.#taken && !changesLabels(rules)) return true;
    const { dropped, relabel } = rules;
    const kept =
      dropped === undefined
        ? this.list
        : this.list.filter(({ name }) => compareBytes(name, dropped) !== 0);
    const relabelled = relabel === undefined ? kept : relabel(kept, samples, out);
    if (relabelled === undefined) return false;
    this.#list = relabelled.filter((label) => label.value.length > 0);
    if (relabel !== undefined && this.#list.length === 0) {
      out.discard('relabel_configuration', samples);
      return false;
    }
    this.#list.sort((a, b) => compareBytes(a.name, b.name));
    if (rules.longValues !== undefined) this.#shorten(rules.longValues, rules.labelValueBytesMax);
    if (!this.#listIsGood(rules, samples, out)) return false;
    this.bytes = bytesOf(this.#list);
    this.hash = hashBytes(this.bytes, 0, this.bytes.length, seed);
    return true;
  }

  #shorten(how: LongValues, sizeMaxBytes: number): void {
    this.#list = this.list.map(({ name, value }) => ({
      name,
      value: compareBytes(name, NAME) === 0 ? value : this.#shortened.of(value, how, sizeMaxBytes),
    }));
  }

  #listIsGood(rules: WriteRules, samples: number, out: AcceptedWrite): boolean {
    const refuse = (reason: string, message: () => string) => {
      out.reject(reason, samples, message);
      return false;
    };
    const labels = this.list;
    const { metric } = this;
    if (metric.length === 0) return refuse('missing_metric_name', refusal.missingMetricName);
    // What is too long is reported as that, unread: a hostile push could have us check one huge symbol
    // once per series.
    const isLong = metric.length > rules.labelValueBytesMax;
    if (!isLong && !isMetricName(metric, 0, metric.length, rules.legacyNames)) {
      const shown = new TextDecoder().decode(metric);
      return refuse('metric_name_invalid', () => refusal.metricNameInvalid(shown));
    }
    const info = endsWith(metric, INFO);
    const namesMax = info
      ? Math.max(rules.labelNamesInfoMax, rules.labelNamesMax)
      : rules.labelNamesMax;
    if (labels.length > namesMax) {
      const reason = info ? 'max_label_names_per_info_series' : 'max_label_names_per_series';
      return refuse(reason, () => refusal.tooManyLabels(labels.length, namesMax, labels, info));
    }
    let previous = EMPTY;
    for (const label of labels) {
      const { name, value } = label;
      if (name.length > rules.labelNameBytesMax) {
        return refuse('label_name_too_long', () => refusal.labelNameTooLong(name, labels));
      }
      if (!isLabelName(name, 0, name.length, rules.legacyNames)) {
        return refuse('label_invalid', () => refusal.labelInvalid(name, labels));
      }
      if (value.length > rules.labelValueBytesMax) {
        const limit = rules.labelValueBytesMax;
        return refuse('label_value_too_long', () =>
          rules.attributeWords === true
            ? refusal.attributeValueTooLong(label, limit, metric)
            : refusal.labelValueTooLong(label, limit, labels),
        );
      }
      if (!isUtf8(value)) {
        return refuse('label_value_invalid', () => refusal.labelValueInvalid(name, value, metric));
      }
      if (compareBytes(name, previous) === 0) {
        return refuse('duplicate_label_names', () => refusal.duplicateLabel(name, labels));
      }
      previous = name as Uint8Array<ArrayBuffer>;
    }
    return true;
  }
}

function bytesOf(labels: readonly NamedLabel[]): Uint8Array {
  let size = 0;
  for (const { name, value } of labels) size += labelSize(name.length, value.length);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const { name, value } of labels) at = writeLabel(bytes, at, name, value);
  return bytes;
}

function listOf(bytes: Uint8Array): NamedLabel[] {
  const reader = new LabelReader();
  reader.reset(bytes);
  const labels: NamedLabel[] = [];
  while (reader.next()) {
    const name = bytes.subarray(reader.nameFrom, reader.nameTo);
    labels.push({ name, value: bytes.subarray(reader.valueFrom, reader.valueTo) });
  }
  return labels;
}

function endsWith(bytes: Uint8Array, suffix: Uint8Array): boolean {
  return (
    bytes.length >= suffix.length &&
    compareBytes(bytes.subarray(bytes.length - suffix.length), suffix) === 0
  );
}
