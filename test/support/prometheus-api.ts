// A small client of the Prometheus HTTP API, for tests.

export interface MatrixSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Missing, whatever the type says, where all samples are native histograms. */
  readonly values: readonly (readonly [number, string])[];
}

export interface VectorSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface ApiAnswer {
  readonly status: 'success' | 'error';
  readonly data?: unknown;
  readonly error?: string;
  readonly errorType?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
}

export async function api(
  base: string,
  path: string,
  parameters: Readonly<Record<string, string>>,
  tenant = 'test',
): Promise<ApiAnswer> {
  const response = await fetch(`${base}${path}?${new URLSearchParams(parameters)}`, {
    headers: { 'x-scope-orgid': tenant },
  });
  const body = await response.text();
  try {
    return JSON.parse(body) as ApiAnswer;
  } catch {
    throw new Error(`${path} answered ${response.status} ${body.slice(0, 500)}`);
  }
}

export interface Result {
  readonly resultType: string;
  readonly result: unknown;
}

/** Evaluates at one time; throws with the server's error text. */
export async function query(
  base: string,
  expression: string,
  timeMs: number,
  tenant = 'test',
): Promise<Result> {
  const time = (timeMs / 1000).toFixed(3);
  const answer = await api(base, '/api/v1/query', { query: expression, time }, tenant);
  if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
  return answer.data as Result;
}

export async function queryRange(
  base: string,
  expression: string,
  range: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
  tenant = 'test',
): Promise<MatrixSeries[]> {
  const answer = await api(
    base,
    '/api/v1/query_range',
    {
      query: expression,
      start: String(range.startMs / 1000),
      end: String(range.endMs / 1000),
      step: String(range.stepMs / 1000),
    },
    tenant,
  );
  if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
  return (answer.data as { result: MatrixSeries[] }).result;
}

/** Every raw sample of a selector in (timeMs − range, timeMs], series by series. */
export async function rawSamples(
  base: string,
  selector: string,
  range: string,
  timeMs: number,
  tenant = 'test',
): Promise<MatrixSeries[]> {
  const { result } = await query(base, `${selector}[${range}]`, timeMs, tenant);
  return result as MatrixSeries[];
}
