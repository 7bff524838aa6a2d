// The functions of PromQL: argument types, arity and result type. Order of arguments and texts follow
// Prometheus's documentation of functions; `experimental` ones are gated by an engine setting.
import type { ValueType } from '../parse/ast.ts';

export interface Signature {
  readonly args: readonly ValueType[];
  /** 0: exact; n > 0: the last n may be left out or are optional; -1: the last may repeat. */
  readonly variadic: number;
  readonly returns: ValueType;
  readonly experimental: boolean;
}

const table = new Map<string, Signature>();

function add(
  names: string,
  args: readonly ValueType[],
  more: { variadic?: number; returns?: ValueType; experimental?: boolean } = {},
): void {
  const { variadic = 0, returns = 'vector', experimental = false } = more;
  for (const name of names.split(' ')) table.set(name, { args, variadic, returns, experimental });
}

add(
  'rate increase delta irate idelta deriv changes resets avg_over_time min_over_time max_over_time ' +
    'sum_over_time count_over_time stddev_over_time stdvar_over_time last_over_time ' +
    'first_over_time present_over_time absent_over_time',
  ['matrix'],
);
add(
  'mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ' +
    'ts_of_min_over_time',
  ['matrix'],
  { experimental: true },
);
add('predict_linear', ['matrix', 'scalar']);
add('quantile_over_time', ['scalar', 'matrix']);
add('double_exponential_smoothing', ['matrix', 'scalar', 'scalar'], { experimental: true });
add(
  'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin ' +
    'sinh sqrt tan tanh sort sort_desc timestamp',
  ['vector'],
);
add('start_timestamp', ['vector'], { experimental: true });
add('info', ['vector', 'vector'], { variadic: 1, experimental: true });
add('histogram_quantile', ['scalar', 'vector']);
add('histogram_fraction', ['scalar', 'scalar', 'vector']);
add('histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar', ['vector']);
add('histogram_quantiles', ['vector', 'string', 'scalar'], { variadic: 9, experimental: true });
add('start end step range', [], { returns: 'scalar', experimental: true });
add('min_of max_of', ['scalar', 'scalar'], { returns: 'scalar', experimental: true });
add('clamp', ['vector', 'scalar', 'scalar']);
add('clamp_min clamp_max', ['vector', 'scalar']);
add('round', ['vector', 'scalar'], { variadic: 1 });
add('day_of_month day_of_week day_of_year days_in_month hour minute month year', ['vector'], {
  variadic: 1,
});
add('label_replace', ['vector', 'string', 'string', 'string', 'string']);
add('label_join', ['vector', 'string', 'string', 'string'], { variadic: -1 });
add('sort_by_label sort_by_label_desc', ['vector', 'string'], { variadic: -1, experimental: true });
add('scalar', ['vector'], { returns: 'scalar' });
add('vector', ['scalar']);
add('time pi', [], { returns: 'scalar' });

export function signatureOf(name: string): Signature | undefined {
  return table.get(name);
}
