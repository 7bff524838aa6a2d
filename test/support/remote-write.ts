// Remote write bodies made by hand, for tests: independent of libs/wire, so that a bug there can't hide.
// Formats: prometheus.WriteRequest (remote write 1.0) and io.prometheus.write.v2.Request (2.0).
import { compressSync } from 'snappy';

export interface TestSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds and values; in remote write 2.0 also start timestamps, milliseconds. */
  readonly samples: readonly (readonly [number, number, number?])[];
  /** Encoded Histogram messages. */
  readonly histograms?: readonly Uint8Array[];
  /** Remote write 1.0 only. */
  readonly exemplars?: readonly TestExemplar[];
}

export interface TestExemplar {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timeMs: number;
}

const encoder = new TextEncoder();

class Message {
  readonly #parts: Uint8Array[] = [];

  varint(field: number, value: bigint): this {
    this.#parts.push(varint(BigInt(field << 3)), varint(BigInt.asUintN(64, value)));
    return this;
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.#parts.push(varint(BigInt((field << 3) | 1)), bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#parts.push(varint(BigInt((field << 3) | 2)), varint(BigInt(value.length)), value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  end(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let left = value;
  while (left >= 128n) {
    out.push(Number(left & 127n) | 128);
    left >>= 7n;
  }
  out.push(Number(left));
  return Uint8Array.from(out);
}

function sorted(labels: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function addLabels(message: Message, labels: Readonly<Record<string, string>>): Message {
  for (const [name, value] of sorted(labels)) {
    message.bytes(1, new Message().text(1, name).text(2, value).end());
  }
  return message;
}

export function encodeWriteRequest(series: readonly TestSeries[]): Uint8Array {
  const request = new Message();
  for (const { labels, samples, histograms = [], exemplars = [] } of series) {
    const one = new Message();
    addLabels(one, labels);
    for (const [t, v] of samples) {
      one.bytes(2, new Message().double(1, v).varint(2, BigInt(t)).end());
    }
    for (const { labels: own, value, timeMs } of exemplars) {
      const exemplar = addLabels(new Message(), own).double(2, value);
      one.bytes(3, exemplar.varint(3, BigInt(timeMs)).end());
    }
    for (const message of histograms) one.bytes(4, message);
    request.bytes(1, one.end());
  }
  return request.end();
}

export function encodeWriteRequestV2(series: readonly TestSeries[]): Uint8Array {
  const symbols = [''];
  const refs = new Map<string, number>([['', 0]]);
  const refOf = (symbol: string) => {
    const known = refs.get(symbol);
    if (known !== undefined) return known;
    refs.set(symbol, symbols.length);
    return symbols.push(symbol) - 1;
  };
  const encoded = series.map(({ labels, samples, histograms = [] }) => {
    const labelRefs = sorted(labels).flatMap(([name, value]) => [refOf(name), refOf(value)]);
    const one = new Message();
    one.bytes(1, new Uint8Array(Buffer.concat(labelRefs.map((ref) => varint(BigInt(ref))))));
    for (const [t, v, st] of samples) {
      const sample = new Message().double(1, v).varint(2, BigInt(t));
      if (st !== undefined) sample.varint(3, BigInt(st));
      one.bytes(2, sample.end());
    }
    for (const message of histograms) one.bytes(3, message);
    return one.end();
  });
  const request = new Message();
  for (const symbol of symbols) request.text(4, symbol);
  for (const one of encoded) request.bytes(5, one);
  return request.end();
}

export interface PushResult {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export interface PushOptions {
  readonly tenant?: string;
  readonly version?: 1 | 2;
  readonly signal?: AbortSignal;
}

/** Pushes to `${base}/api/v1/push`; a broken connection is status 0. */
export async function push(
  base: string,
  series: readonly TestSeries[],
  { tenant = 'test', version = 1, signal }: PushOptions = {},
): Promise<PushResult> {
  const raw = version === 1 ? encodeWriteRequest(series) : encodeWriteRequestV2(series);
  try {
    const response = await fetch(`${base}/api/v1/push`, {
      method: 'POST',
      body: compressSync(raw),
      headers: {
        'content-type':
          version === 1
            ? 'application/x-protobuf'
            : 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': version === 1 ? '0.1.0' : '2.0.0',
        'x-scope-orgid': tenant,
      },
      ...(signal ? { signal } : {}),
    });
    return {
      status: response.status,
      body: await response.text(),
      headers: response.headers,
    };
  } catch (error) {
    return { status: 0, body: String(error), headers: new Headers() };
  }
}
