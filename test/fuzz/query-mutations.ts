// Query strings that are nearly PromQL: good expressions with pieces of them and of others put in, taken out,
// repeated and swapped, and rows of tokens in no order.
import type { Random } from '@weir/runtime';
import { below, pick } from './mutate.ts';

/** Every kind of node, operator and function. */
export const EXPRESSIONS: readonly string[] = [
  ...['up', '-up', 'up{job="a",instance=~"x.*"}', '{__name__=~"u.|h"}', '{"up",job!="b"}[5m]'],
  ...['rate(requests_total[5m])', 'sum by (job) (rate(requests_total{job!~"c"}[2m]))'],
  ...['sum(up) without (instance) / on (job) group_left (x) count(up) by (job)'],
  ...['histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m])))', 'histogram_quantile(0.5, h)'],
  ...['histogram_count(rate(h[5m])) + histogram_sum(h)', 'histogram_fraction(0, 2, h)'],
  ...['h </ 2 >/ 1', 'h + h * 2', 'histogram_avg(increase(h[3m]))', 'histogram_stddev(h)'],
  ...['topk(2, up)', 'bottomk by (job) (1, up)', 'quantile(0.5, up)', 'count_values("v", up)'],
  ...['limitk(2, up)', 'limit_ratio(-0.5, up)', 'stddev(up) or stdvar(up)', 'group(up)'],
  ...['up offset 1m', 'up @ 100', 'up @ start() offset -1m', 'max_over_time(up[5m:30s] @ end())'],
  ...['up and on (job) requests_total unless up == 1', 'up > bool 1 or vector(time())'],
  ...['up * ignoring (job) group_right requests_total', 'up + fill (0) requests_total'],
  ...['up == on (job) fill_left (1) fill_right (NaN) requests_total'],
  ...['label_replace(up, "x", "$1-$2", "job", "(.)(.*)")', 'label_join(up, "x", "-", "job", "y")'],
  ...['absent(up{job="z"})', 'absent_over_time(up[1m])', 'sort_by_label_desc(up, "job", "x")'],
  ...['clamp(up, -1, 1)', 'round(up, 0.3)', 'predict_linear(up[5m], 60)', 'deriv(up[5m])'],
  ...['quantile_over_time(0.3, up[5m])', 'double_exponential_smoothing(up[5m], 0.5, 0.5)'],
  ...['mad_over_time(up[5m]) + ts_of_max_over_time(up[5m])', 'present_over_time(h[5m])'],
  ...['days_in_month(vector(1e9)) + hour() + day_of_year(up)', 'scalar(sum(up)) ^ 2 ^ -1'],
  ...[
    '1 + 2 * 3 % 4 - -5 ^ 0.5 atan2 6',
    '"text"',
    "'t\\x41\\u00fc'",
    '0x1F + 1e3 + .5 + Inf + 1h30m',
  ],
  ...['irate(up[1m:10s]) * changes(up[5m]) + resets(requests_total[5m])', 'sgn(abs(ceil(up)))'],
  ...['info(up, {data=~".+"})', 'rate(requests_total[5m] anchored)', 'up smoothed @ end()'],
  ...[
    'up[5m * 2 + step()]',
    'rate(up[min_of(5m, range())])',
    'up offset (1m / 2)',
    'start() + end()',
  ],
  ...[
    'sum(up) # comment\n + 1',
    '((((up))))',
    'avg(h) + sum(h)',
    'min_of(1, 2) + max_of(3, step())',
  ],
  ...['sort_desc(up)', 'timestamp(up)', 'delta(up[5m])', 'idelta(up[5m])', 'last_over_time(h[5m])'],
  ...['sum_over_time(up[5m])', 'avg_over_time(h[5m:1m])', 'stdvar_over_time(up[5m])', 'pi()'],
];

const TOKENS = [
  ...['(', ')', '[', ']', '{', '}', ',', '=', '=~', '!~', '!=', '==', '<', '>=', '</', '>/', '+'],
  ...['-', '*', '/', '%', '^', '@', ':', '#', '\n', ' ', '"', "'", '`', '\\', '"a"', '"("', '".*"'],
  ...['up', 'h', 'job', 'le', 'sum', 'topk', 'rate', 'by', 'without', 'on', 'ignoring', 'bool'],
  ...['group_left', 'group_right', 'offset', 'and', 'or', 'unless', 'atan2', 'start()', 'end()'],
  ...[
    'fill',
    'anchored',
    'smoothed',
    'step()',
    'range()',
    'min_of',
    '1',
    '0',
    '-1',
    '5m',
    '0s',
    '1ms',
  ],
  ...['1e308', '1e400', 'NaN', 'Inf', '0x', '1_0', '292y', '9223372036854775807', '99999999999y'],
  ...['1e-300', '300', '[5m]', '[1h:1s]', '[100y:1ms]', '{}', '()', 'é', '\u0000', '\ud800', '😀'],
];
/** Queries don't grow beyond this. */
const LENGTH_MAX = 2000;

export function mutatedQuery(random: Random, sources: readonly string[]): string {
  if (random.next() < 0.1) {
    const count = below(random, 25);
    const glue = random.next() < 0.5 ? ' ' : '';
    return Array.from({ length: count }, () => pick(random, TOKENS)).join(glue);
  }
  let query = pick(random, sources);
  const wraps = random.next() < 0.4;
  for (let edits = 1 + below(random, 1 + below(random, 4)); edits > 0; edits--) {
    const other = pick(random, sources);
    const edited = wraps ? wrap(query, random, other) : edit(query, random, sources);
    if (edited.length <= LENGTH_MAX) query = edited;
  }
  return query;
}

function edit(query: string, random: Random, sources: readonly string[]): string {
  const at = below(random, query.length + 1);
  const to = Math.min(query.length, at + below(random, 8));
  const [before, after] = [query.slice(0, at), query.slice(at)];
  switch (below(random, 8)) {
    case 0:
      return before + pick(random, TOKENS) + after;
    case 1:
      return before + pick(random, TOKENS) + query.slice(to);
    case 2:
      return before + query.slice(to);
    case 3:
      return before + query.slice(below(random, at + 1));
    case 4:
      return before + String.fromCharCode(below(random, 128)) + query.slice(at + 1);
    case 5: {
      const other = pick(random, sources);
      const from = below(random, other.length);
      return before + other.slice(from, from + below(random, other.length)) + query.slice(to);
    }
    case 6:
      return swapTokens(query, random);
    default:
      return wrap(query, random, pick(random, sources));
  }
}

/** Two words or marks change places. */
function swapTokens(query: string, random: Random): string {
  const tokens = query.split(/(\W)/);
  const [a, b] = [below(random, tokens.length), below(random, tokens.length)];
  [tokens[a], tokens[b]] = [tokens[b]!, tokens[a]!];
  return tokens.join('');
}

/** Stays well-formed mostly, so that the evaluator has something to do. */
function wrap(query: string, random: Random, other: string): string {
  switch (below(random, 7)) {
    case 0:
      return `(${query}) ${pick(random, ['+', '*', '/', '%', '^', '==', '<', 'and', 'or', 'unless'])} (${other})`;
    case 1:
      return `sum by (job) (${query})`;
    case 2:
      return `(${query})[${pick(random, ['5m', '1m', '1h', '300s'])}:${pick(random, ['', '1m', '7s'])}]`;
    case 3:
      return `max_over_time((${query})[5m:1m])`;
    case 4:
      return `-(${query})`;
    case 5:
      return `${query} offset ${pick(random, ['1m', '-5m', '1y'])}`;
    default:
      return `label_replace(${query}, "job", "$1", "instance", "(.*)")`;
  }
}
