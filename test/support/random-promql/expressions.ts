// Random expressions over the random series, by the grammar: mostly well-typed, a few not. Text, since the
// parser is under test as well.
import type { Dice } from '../../simulation/dice.ts';
import { SPAN_MS, START_MS } from './series.ts';

export interface ExpressionOptions {
  /** Modifiers and functions that ask for the query's own times; default true. */
  readonly asksForTimes?: boolean;
}

const WINDOWS =
  'rate increase delta irate idelta deriv changes resets avg_over_time min_over_time max_over_time sum_over_time count_over_time stddev_over_time stdvar_over_time last_over_time present_over_time absent_over_time mad_over_time first_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time predict_linear quantile_over_time double_exponential_smoothing'.split(
    ' ',
  );
const MAPS =
  'abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh sqrt tan tanh timestamp day_of_month day_of_week day_of_year days_in_month hour minute month year absent clamp clamp_min clamp_max round'.split(
    ' ',
  );
const HISTOGRAM_MAPS =
  'histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar histogram_quantile histogram_quantile histogram_fraction histogram_quantiles'.split(
    ' ',
  );
const AGGREGATIONS =
  'sum sum sum avg avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio'.split(
    ' ',
  );
const ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2'];
const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];
const FLOATS = [
  ...['gauge', 'gauge', 'level', 'requests_total', 'requests_total', 'errors_total', 'up', 'weird'],
  ...['constant', 'build_info', 'target_info', '{"requests.per-second"}', '{"größe"}', 'nothing'],
];
const HISTOGRAMS = [
  ...['exp_seconds', 'exp_seconds', 'exp_gauge', 'custom_seconds', 'custom_seconds', 'mixed'],
  ...['custom_changing', 'custom_gauge', 'mixed_total', 'latency', 'latency_bucket'],
];
const LABELS = ['job', 'instance', 'code', 'le', 'zone', 'version', 'nope', '__name__'];
const DURATIONS = ['15s', '30s', '1m', '90s', '2m', '5m', '10m', '7m13s', '1h', '500ms'];

type Flavour = 'float' | 'histogram';

export function randomExpression(dice: Dice, options: ExpressionOptions = {}): string {
  return new Generator(dice, options).top();
}

class Generator {
  readonly #dice: Dice;
  readonly #asksForTimes: boolean;

  constructor(dice: Dice, { asksForTimes = true }: ExpressionOptions) {
    this.#dice = dice;
    this.#asksForTimes = asksForTimes;
  }

  top(): string {
    const depth = this.#dice.pick([1, 2, 2, 3, 3, 4]);
    return this.#dice.chance(0.03) ? this.#scalar(depth) : this.#vector(depth, this.#flavour());
  }

  #flavour(): Flavour {
    return this.#dice.chance(0.55) ? 'float' : 'histogram';
  }

  #vector(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    if (depth <= 0) return this.#instant(flavour);
    // Now and then of the wrong type.
    if (dice.chance(0.004)) return dice.pick([this.#matrix(0, flavour), '"text"', this.#scalar(0)]);
    const kind = dice.int(0, 99);
    if (kind < 8) return this.#instant(flavour);
    if (kind < 30) return this.#window(depth, flavour);
    if (kind < 50) return this.#aggregation(depth, flavour);
    if (kind < 68) return this.#vectorBinary(depth, flavour);
    if (kind < 77) return this.#scalarBinary(depth, flavour);
    if (kind < 88) return this.#map(depth, flavour);
    if (kind < 92) return this.#labels(depth, flavour);
    if (kind < 94) return `info(${this.#vector(depth - 1, flavour)}${this.#dataLabels()})`;
    if (kind < 95) return this.#sort(depth, flavour);
    if (kind < 96) return `vector(${this.#scalar(depth - 1)})`;
    if (kind < 98) return `-${this.#instant(flavour)}`;
    return `(${this.#vector(depth - 1, flavour)})`;
  }

  #instant(flavour: Flavour): string {
    const smoothed = flavour === 'float' && this.#dice.chance(0.04) ? ' smoothed' : '';
    return `${this.#selector(flavour)}${smoothed}${this.#modifiers()}`;
  }

  #selector(flavour: Flavour): string {
    const dice = this.#dice;
    if (dice.chance(0.06)) return this.#anyName();
    const name = dice.pick(flavour === 'float' ? FLOATS : HISTOGRAMS);
    if (dice.chance(0.6)) return name;
    const matchers = this.#matchers(dice.int(1, 2));
    return name[0] === '{' ? `${name.slice(0, -1)}, ${matchers}}` : `${name}{${matchers}}`;
  }

  #anyName(): string {
    const names = [
      '.*_total',
      'gauge|level',
      'exp_.*',
      'custom_.+',
      'latency.*',
      'mixed.*',
      '.+_info',
    ];
    return `{__name__=~"${this.#dice.pick(names)}"${this.#dice.chance(0.3) ? `, ${this.#matchers(1)}` : ''}}`;
  }

  #matchers(count: number): string {
    const all = [
      ...[
        'job="api"',
        'job!="api"',
        'instance=~"a|b"',
        'instance="a"',
        'code=~"[24].*"',
        'zone=""',
      ],
      ...['code!=""', 'nope=""', 'instance!~"c"', '"job"=\'web\'', 'version=~".*"', 'le="1"'],
    ];
    return Array.from({ length: count }, () => this.#dice.pick(all)).join(', ');
  }

  #modifiers(): string {
    const dice = this.#dice;
    if (dice.chance(0.85)) return '';
    const offset = ` offset ${dice.chance(0.2) ? '-' : ''}${this.#duration(false)}`;
    const at = ` @ ${this.#at()}`;
    return dice.pick([offset, at, offset + at, at + offset]);
  }

  #at(): string {
    const dice = this.#dice;
    if (this.#asksForTimes && dice.chance(0.3)) return dice.pick(['start()', 'end()']);
    return String((START_MS + dice.int(0, SPAN_MS)) / 1000);
  }

  #duration(isRange: boolean): string {
    const dice = this.#dice;
    const plain = isRange ? dice.pick(DURATIONS) : dice.pick(['0s', ...DURATIONS]);
    if (dice.chance(0.93)) return plain;
    const other = dice.pick(DURATIONS);
    const all = [
      `(${plain} + ${other})`,
      `(${plain} * 2)`,
      `(${plain} / 2)`,
      `(${plain} - ${other})`,
    ];
    all.push(
      `min_of(${plain}, ${other})`,
      `max_of(${plain}, ${other})`,
      '90',
      '(2 ^ 5)',
      `(${plain} % 7)`,
    );
    if (this.#asksForTimes)
      all.push('step()', '(step() * 2)', 'max_of(step(), 1m)', '(range() + 1m)');
    return dice.pick(all);
  }

  #matrix(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    const range = this.#duration(true);
    if (depth > 0 && dice.chance(0.25)) {
      const step = dice.chance(0.3)
        ? ''
        : dice.pick(['15s', '30s', '1m', '77s', this.#duration(true)]);
      const inner = this.#vector(depth - 1, flavour);
      // Prometheus takes no colon after a parenthesis that ends with a function.
      const whole = range.includes('()') ? '10m' : range;
      return `(${inner})[${whole}:${step}]${this.#modifiers()}`;
    }
    return `${this.#selector(flavour)}[${range}]${this.#modifiers()}`;
  }

  #window(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    if (dice.chance(0.12)) return this.#extended(dice.chance(0.7) ? flavour : 'float');
    const name = dice.chance(0.4)
      ? dice.pick([
          'rate',
          'increase',
          'delta',
          'irate',
          'idelta',
          'sum_over_time',
          'avg_over_time',
        ])
      : dice.pick(WINDOWS);
    const matrix = this.#matrix(depth - 1, flavour);
    switch (name) {
      case 'predict_linear':
        return `${name}(${matrix}, ${this.#scalar(0)})`;
      case 'quantile_over_time':
        return `${name}(${this.#quantile()}, ${matrix})`;
      case 'double_exponential_smoothing':
        return `${name}(${matrix}, ${dice.pick(['0.5', '0.1', '0', '1'])}, ${dice.pick(['0.5', '0.3', '1.1'])})`;
      default:
        return `${name}(${matrix})`;
    }
  }

  #extended(flavour: Flavour): string {
    const dice = this.#dice;
    const extension = dice.pick(['anchored', 'smoothed']);
    const names = ['rate', 'increase', 'delta'];
    const name = dice.pick(extension === 'smoothed' ? names : [...names, 'changes', 'resets']);
    const range = `${this.#selector(flavour)}[${this.#duration(true)}]`;
    return `${name}(${range} ${extension}${this.#modifiers()})`;
  }

  #quantile(): string {
    return this.#dice.pick(['0.5', '0.9', '0', '1', '0.25', '-1', '1.5', 'NaN', this.#scalar(1)]);
  }

  #aggregation(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    const op = dice.pick(AGGREGATIONS);
    // What comes first decides for these, and only selectors give Prometheus's series an order.
    const isOrdered = ['topk', 'bottomk', 'limitk'].includes(op);
    const inner = isOrdered ? this.#plain(flavour) : this.#vector(depth - 1, flavour);
    const param = this.#parameter(op);
    const args = param === undefined ? inner : `${param}, ${inner}`;
    const grouping = dice.pick([
      '',
      ` by (${this.#labelList()})`,
      ` by (job)`,
      ` without (${this.#labelList()})`,
      ' by ()',
    ]);
    return dice.chance(0.5) ? `${op}${grouping} (${args})` : `${op}(${args})${grouping}`;
  }

  #plain(flavour: Flavour): string {
    return this.#dice.chance(0.5) ? this.#instant(flavour) : this.#window(1, flavour);
  }

  #parameter(op: string): string | undefined {
    const dice = this.#dice;
    switch (op) {
      case 'topk':
      case 'bottomk':
      case 'limitk':
        return dice.chance(0.9) ? String(dice.int(0, 5)) : this.#scalar(1);
      case 'limit_ratio':
        return dice.pick(['0.5', '-0.5', '0.2', '-0.8', '1', '0', '-1', '1.5', this.#scalar(0)]);
      case 'quantile':
        return this.#quantile();
      case 'count_values':
        return dice.pick(['"v"', '"job"', '"my.label"']);
      default:
        return undefined;
    }
  }

  #labelList(): string {
    const dice = this.#dice;
    const list = Array.from({ length: dice.int(1, 3) }, () => dice.pick(LABELS));
    if (dice.chance(0.05)) list.push('"service.name"');
    return [...new Set(list)].join(', ');
  }

  #vectorBinary(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    const left = this.#vector(depth - 1, flavour);
    const other = dice.chance(0.12) ? this.#flavour() : flavour;
    const right = this.#vector(depth - 1, other);
    if (dice.chance(0.25)) {
      const op = dice.pick(['and', 'or', 'unless']);
      return `(${left}) ${op}${dice.chance(0.5) ? '' : this.#matching(false)} (${right})`;
    }
    const isComparison = dice.chance(0.35);
    const op = dice.pick(isComparison ? COMPARISONS : ARITHMETIC);
    const bool = isComparison && dice.chance(0.5) ? ' bool' : '';
    const matching = dice.chance(0.25) ? '' : this.#matching(true);
    return `(${left}) ${op}${bool}${matching}${this.#fill()} (${right})`;
  }

  #fill(): string {
    const dice = this.#dice;
    if (dice.chance(0.85)) return '';
    const value = () => dice.pick(['0', '1', '-2.5', 'NaN', '10', 'Inf']);
    const left = ` fill_left(${value()})`;
    const right = ` fill_right(${value()})`;
    return dice.pick([` fill(${value()})`, left, right, left + right]);
  }

  #matching(grouping: boolean): string {
    const dice = this.#dice;
    const labels = dice.chance(0.6) ? 'job, instance' : this.#labelList();
    const clause = ` ${dice.pick(['on', 'on', 'ignoring'])} (${labels})`;
    if (!grouping || dice.chance(0.5)) return clause;
    const include = dice.pick(['()', '()', '(zone)', '(code, version)', '(version)']);
    return `${clause} ${dice.pick(['group_left', 'group_right'])} ${include}`;
  }

  #scalarBinary(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    const vector = `(${this.#vector(depth - 1, flavour)})`;
    if (flavour === 'histogram' && dice.chance(0.3)) {
      return `${vector} ${dice.pick(['</', '>/'])} ${this.#scalar(0)}`;
    }
    const scalar = this.#scalar(dice.chance(0.7) ? 0 : depth - 1);
    const isComparison = dice.chance(0.4);
    const op = dice.pick(isComparison ? COMPARISONS : ARITHMETIC);
    const bool = isComparison && dice.chance(0.4) ? ' bool' : '';
    return dice.chance(0.65)
      ? `${vector} ${op}${bool} ${scalar}`
      : `${scalar} ${op}${bool} ${vector}`;
  }

  #scalar(depth: number): string {
    const dice = this.#dice;
    if (depth <= 0 || dice.chance(0.4)) {
      const numbers = [
        '0',
        '1',
        '2',
        '-1',
        '0.5',
        '3.25',
        '100',
        'NaN',
        'Inf',
        '-Inf',
        '1e9',
        '0x10',
      ];
      return dice.pick(numbers);
    }
    const kind = dice.int(0, 9);
    if (kind < 3) return `scalar(${this.#vector(depth - 1, 'float')})`;
    if (kind < 5) return dice.pick(['time()', 'pi()', '1m']);
    if (kind < 6 && this.#asksForTimes) return dice.pick(['start()', 'end()', 'step()', 'range()']);
    if (kind < 7) {
      return `${dice.pick(['min_of', 'max_of'])}(${this.#scalar(depth - 1)}, ${this.#scalar(depth - 1)})`;
    }
    const op = dice.chance(0.7)
      ? dice.pick(ARITHMETIC)
      : `${dice.pick(COMPARISONS)}${dice.chance(0.95) ? ' bool' : ''}`;
    return `(${this.#scalar(depth - 1)} ${op} ${this.#scalar(depth - 1)})`;
  }

  #map(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    if (flavour === 'histogram' && dice.chance(0.8)) return this.#histogramMap(depth);
    const name = dice.pick(MAPS);
    const inner = this.#vector(depth - 1, flavour);
    const scalar = () => this.#scalar(dice.chance(0.8) ? 0 : 1);
    if (name === 'clamp') return `clamp(${inner}, ${scalar()}, ${scalar()})`;
    if (name.startsWith('clamp')) return `${name}(${inner}, ${scalar()})`;
    if (name === 'round' && dice.chance(0.6)) return `round(${inner}, ${scalar()})`;
    return `${name}(${inner})`;
  }

  #histogramMap(depth: number): string {
    const dice = this.#dice;
    const name = dice.pick(HISTOGRAM_MAPS);
    const inner = dice.chance(0.15)
      ? `sum by (${dice.pick(['le', 'le, job', 'le, instance'])}) (rate(latency_bucket[${this.#duration(true)}]))`
      : this.#vector(depth - 1, 'histogram');
    switch (name) {
      case 'histogram_quantile':
        return `${name}(${this.#quantile()}, ${inner})`;
      case 'histogram_fraction':
        return `${name}(${this.#bound()}, ${this.#bound()}, ${inner})`;
      case 'histogram_quantiles':
        return `${name}(${inner}, "${dice.pick(['q', 'q', 'job'])}", ${this.#quantile()}, 0.75)`;
      default:
        return `${name}(${inner})`;
    }
  }

  #bound(): string {
    return this.#dice.pick([
      '0',
      '-1',
      '1',
      '0.7',
      '-Inf',
      '+Inf',
      '2',
      '10',
      '-3',
      'NaN',
      '0.0005',
    ]);
  }

  #labels(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    const inner = this.#vector(depth - 1, flavour);
    if (dice.chance(0.4)) {
      const target = dice.pick(['"both"', '"job"', '"my.label"', '""']);
      return `label_join(${inner}, ${target}, "-", "job"${dice.pick(['', ', "instance"', ', "nope", "code"'])})`;
    }
    const target = dice.pick(['"host"', '"job"', '"instance"', '"__name__"', '"a.b"']);
    const pattern = dice.pick(['"(.*)"', '"(a|b).*"', '"x"', '"(?P<n>.)(.*)"']);
    const value = dice.pick(['"$1"', '"new"', '""', '"$n-$2"', '"$1$1"']);
    return `label_replace(${inner}, ${target}, ${value}, "${dice.pick(LABELS)}", ${pattern})`;
  }

  #dataLabels(): string {
    const all = [
      'version=~".+"',
      'cluster="east"',
      '__name__="build_info"',
      '__name__=~".*_info"',
      'version="1"',
    ];
    all.push('nope=""', 'version=~".*"', '__name__!="build_info"');
    if (this.#dice.chance(0.4)) return '';
    const list = Array.from({ length: this.#dice.int(1, 2) }, () => this.#dice.pick(all));
    return `, {${list.join(', ')}}`;
  }

  #sort(depth: number, flavour: Flavour): string {
    const dice = this.#dice;
    const inner = this.#vector(depth - 1, flavour);
    if (dice.chance(0.5)) return `${dice.pick(['sort', 'sort_desc'])}(${inner})`;
    const labels = dice.pick(['"job"', '"instance", "job"', '"code"']);
    return `${dice.pick(['sort_by_label', 'sort_by_label_desc'])}(${inner}, ${labels})`;
  }
}
