// The texts of refused series, samples and metadata, with Mimir's ids: dashboards, runbooks and
// client log parsers match on them. Only the first refusal of a push is ever built.
import { text } from '@weir/bytes';
import { labelSize, printLabels, writeLabel } from '@weir/model';

const SHOWN_MAX = 200;

export interface NamedLabel {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

/** `message (err-mimir-id)`. */
export function withId(message: string, id: string): string {
  return `${message} (err-mimir-${id})`;
}

/** The form of a refusal by a per-tenant limit: it names the flag that moves the limit. */
export function withLimit(message: string, id: string, ...flags: readonly string[]): string {
  const named = flags.map((flag) => `-${flag}`);
  const last = named.pop();
  const list = named.length === 0 ? last : `${named.join(', ')} and ${last}`;
  const noun = flags.length === 1 ? 'limit' : 'limits';
  return `${withId(message, id)}. To adjust the related per-tenant ${noun}, configure ${list}, or contact your service administrator.`;
}

/** The first characters, as Go counts them. */
export function cut(shown: string): string {
  if (shown.length <= SHOWN_MAX) return shown;
  return [...shown.slice(0, SHOWN_MAX * 2)].slice(0, SHOWN_MAX).join('');
}

export function cutText(bytes: Uint8Array): string {
  return cut(text(bytes.subarray(0, SHOWN_MAX * 4)));
}

export function seriesText(labels: readonly NamedLabel[]): string {
  return cut(wholeText(labels));
}

function wholeText(labels: readonly NamedLabel[]): string {
  let size = 0;
  for (const { name, value } of labels) size += labelSize(name.length, value.length);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const { name, value } of labels) at = writeLabel(bytes, at, name, value);
  return printLabels(bytes);
}

export const refusal = {
  missingMetricName: () => withId('received series has no metric name', 'missing-metric-name'),
  metricNameInvalid: (name: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what ASCII means
    const ascii = name.replace(/[^\x00-\x7f]/g, '');
    const suffix = ascii === name ? '' : ' (non-ascii characters removed)';
    const shown = `received a series with invalid metric name: '${cut(ascii)}'${suffix}`;
    return withId(shown, 'metric-name-invalid');
  },
  tooManyLabels: (actual: number, limit: number, labels: readonly NamedLabel[], info: boolean) => {
    const whole = wholeText(labels);
    const shown = cut(whole);
    const kind = info ? 'max-label-names-per-info-series' : 'max-label-names-per-series';
    return withLimit(
      `received a series whose number of labels exceeds the limit (actual: ${actual}, limit: ${limit}) series: '${shown}${shown.length < whole.length ? '…' : ''}'`,
      kind,
      `validation.${kind}`,
    );
  },
  labelInvalid: (name: Uint8Array, labels: readonly NamedLabel[]) =>
    withId(
      `received a series with an invalid label: '${cutText(name)}' series: '${seriesText(labels)}'`,
      'label-invalid',
    ),
  labelValueInvalid: (name: Uint8Array, value: Uint8Array, metric: Uint8Array) =>
    withId(
      `received a series with invalid value in label '${cutText(name)}': '${cutText(value)}' metric: '${cutText(metric)}'`,
      'label-value-invalid',
    ),
  labelNameTooLong: (name: Uint8Array, labels: readonly NamedLabel[]) =>
    withLimit(
      `received a series whose label name length exceeds the limit, label: '${cutText(name)}' series: '${seriesText(labels)}'`,
      'label-name-too-long',
      'validation.max-length-label-name',
    ),
  labelValueTooLong: (label: NamedLabel, limit: number, labels: readonly NamedLabel[]) =>
    withLimit(
      `received a series whose label value length of ${label.value.length} exceeds the limit of ${limit}, label: '${cutText(label.name)}', value: '${cutText(label.value)}' (truncated) series: '${seriesText(labels)}'`,
      'label-value-too-long',
      'validation.max-length-label-value',
    ),
  attributeValueTooLong: (label: NamedLabel, limit: number, metric: Uint8Array) =>
    withLimit(
      `received a metric whose attribute value length of ${label.value.length} exceeds the limit of ${limit}, attribute: '${cutText(label.name)}', value: '${cutText(label.value)}' (truncated) metric: '${cutText(metric)}'`,
      'label-value-too-long',
      'validation.max-length-label-value',
    ),
  duplicateLabel: (name: Uint8Array, labels: readonly NamedLabel[]) =>
    withId(
      `received a series with duplicate label name, label: '${cutText(name)}' series: '${seriesText(labels)}'`,
      'duplicate-label-names',
    ),
  tooFarInFuture: (timestampMs: number, metric: Uint8Array) =>
    withLimit(
      `received a sample whose timestamp is too far in the future, timestamp: ${timestampMs} series: '${cutText(metric)}'`,
      'too-far-in-future',
      'validation.create-grace-period',
    ),
  tooFarInPast: (timestampMs: number, metric: Uint8Array) =>
    withLimit(
      `received a sample whose timestamp is too far in the past, timestamp: ${timestampMs} series: '${cutText(metric)}'`,
      'too-far-in-past',
      'validation.past-grace-period',
    ),
  duplicateTimestamp: (timestampMs: number, labels: readonly NamedLabel[]) =>
    withId(
      `received two samples of one series with the same timestamp and different values in one request; the first was kept, timestamp: ${timestampMs} series: '${seriesText(labels)}'`,
      'sample-duplicate-timestamp',
    ),
  metadataWithoutName: () =>
    withId('received a metric metadata with no metric name', 'metadata-missing-metric-name'),
  metadataNotUtf8: () => 'received a metric metadata with text that is not valid UTF-8',
  metadataNameTooLong: (name: Uint8Array) =>
    withLimit(
      `received a metric metadata whose metric name length exceeds the limit, metric name: '${cutText(name)}'`,
      'metric-name-too-long',
      'validation.max-metadata-length',
    ),
  metadataUnitTooLong: (unit: Uint8Array, name: Uint8Array) =>
    withLimit(
      `received a metric metadata whose unit name length exceeds the limit, unit: '${cutText(unit)}' metric name: '${cutText(name)}'`,
      'unit-too-long',
      'validation.max-metadata-length',
    ),
};
