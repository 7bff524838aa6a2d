// Names and units of metrics, from OpenTelemetry's conventions to Prometheus's (OpenTelemetry's
// compatibility specification; the results are those of Prometheus's OTLP receiver). Strings, because
// what comes out is cached per metric; nothing here is hot.
import { isEscaping, type OtlpStrategy } from './translation.ts';

/** Kinds of metrics, as far as their names depend on it. */
export type NamedKind = 'gauge' | 'counter' | 'other';

export interface NamedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: NamedKind;
}

const UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ d: 'days', h: 'hours', min: 'minutes', s: 'seconds' },
    ...{ ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds' },
    ...{ By: 'bytes', KiBy: 'kibibytes', MiBy: 'mebibytes', GiBy: 'gibibytes', TiBy: 'tibibytes' },
    ...{ KBy: 'kilobytes', MBy: 'megabytes', GBy: 'gigabytes', TBy: 'terabytes' },
    ...{ m: 'meters', V: 'volts', A: 'amperes', J: 'joules', W: 'watts', g: 'grams' },
    ...{ Cel: 'celsius', Hz: 'hertz', '1': '', '%': 'percent' },
  }),
);

const PER_UNITS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year' },
  }),
);

/** The metric's name under a strategy; undefined when nothing valid is left of it. */
export function metricName(metric: NamedMetric, strategy: OtlpStrategy): string | undefined {
  switch (strategy) {
    case 'NoTranslation':
      return metric.name === '' ? undefined : metric.name;
    case 'NoUTF8EscapingWithSuffixes':
      return withSuffixes(metric) || undefined;
    case 'UnderscoreEscapingWithoutSuffixes':
      return valid(
        metric.name,
        metric.name
          .split(/[^a-zA-Z0-9:_]/)
          .filter(Boolean)
          .join('_'),
      );
    case 'UnderscoreEscapingWithSuffixes':
      return valid(metric.name, tokensWithSuffixes(metric).join('_'));
  }
}

/** The unit as metadata tells it. */
export function metricUnit(unit: string, strategy: OtlpStrategy): string {
  const { main, per } = unitsOf(unit);
  const parts = isEscaping(strategy) ? [clean(main), clean(per)] : [main, per];
  return parts.filter(Boolean).join('_').replace(/^_/, '').replace(/_$/, '');
}

function valid(sent: string, name: string): string | undefined {
  const found = /^[0-9]/.test(name) ? `_${name}` : name;
  if (found === '' || (found !== sent && /^_+$/.test(found))) return undefined;
  return found;
}

function tokensWithSuffixes({ name, unit, kind }: NamedMetric): string[] {
  let tokens = name.split(/[^a-zA-Z0-9:]/).filter(Boolean);
  const units = unitsOf(unit);
  const main = clean(units.main);
  const cleanPer = clean(units.per).replace(/_$/, '');
  const per = cleanPer === 'per' ? '' : cleanPer;
  if (main !== '' && !tokens.includes(main)) {
    tokens.push(per === '' ? main : main.replace(/_$/, ''));
  }
  // No token has an underscore, so that this one is never there already.
  if (per !== '') tokens.push(per);
  if (kind === 'counter') tokens = [...tokens.filter((token) => token !== 'total'), 'total'];
  if (kind === 'gauge' && unit === '1') {
    tokens = [...tokens.filter((token) => token !== 'ratio'), 'ratio'];
  }
  return tokens;
}

/** Suffixes that are there already move to their place, which is unit, per unit, total, ratio. */
function withSuffixes({ name: sent, unit, kind }: NamedMetric): string {
  let name = sent;
  let behind = '';
  const move = (suffix: string) => {
    if (name.endsWith(suffix) && name.length > suffix.length + 1) {
      name = name.slice(0, -(suffix.length + 1));
    }
    behind = `_${suffix}${behind}`;
  };
  if (kind === 'gauge' && unit === '1') move('ratio');
  if (kind === 'counter') move('total');
  const { main, per } = unitsOf(unit);
  if (per !== '') move(per);
  if (main !== '' && !name.endsWith(main)) name = `${name}_${main}`;
  return sent === '' ? '' : name + behind;
}

function unitsOf(unit: string): { readonly main: string; readonly per: string } {
  const slash = unit.indexOf('/');
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim();
  const perUnit = mapped(per, PER_UNITS);
  return { main: mapped(main, UNITS), per: perUnit === '' ? '' : `per_${perUnit}` };
}

/** What stands in braces is a remark, not a unit. */
function mapped(unit: string, names: ReadonlyMap<string, string>): string {
  if (/[{}]/.test(unit)) return '';
  return names.get(unit) ?? unit;
}

function clean(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/g, '_')
    .replace(/_{2,}/g, '_')
    .replace(/^_/, '');
}
