// Records like the load generator's, for the kernel benchmarks: 100 series an instance, 31 metrics, about 10
// labels and 233 label bytes; written once, then patched in place with each step's values and times.
import { encodeLabels } from '@weir/model';

const BODY_SERIES = 2000;
const METRICS = 31;

export interface Body {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where each sample's value begins; the timestamp follows. */
  readonly values: Int32Array;
  readonly kinds: Uint8Array;
  readonly current: Float64Array;
}

export function labelsFor(index: number): Uint8Array {
  const instance = Math.floor(index / 100);
  const local = index % 100;
  const metric = local % METRICS;
  return encodeLabels(
    Object.entries({
      __name__: `bench_service_metric_${metric}_${metric % 3 ? 'total' : 'bytes'}`,
      cluster: `eu-west-${instance % 3}`,
      container: `server-${instance % 7}`,
      env: 'production',
      instance: `10.${instance >> 8}.${instance & 255}.17:9100`,
      job: `integrations/service-${instance % 20}`,
      namespace: `team-${instance % 50}`,
      pod: `service-${instance % 20}-7d9f8b6c5-${(instance * 7919).toString(36)}`,
      region: 'eu-west',
      variant: `v${Math.floor(local / METRICS)}`,
    }).map(([name, value]) => ({ name, value })),
  );
}

export function makeBodies(series: number): Body[] {
  const bodies: Body[] = [];
  for (let from = 0; from < series; from += BODY_SERIES) {
    const count = Math.min(BODY_SERIES, series - from);
    const out = new Uint8Array(count * 400);
    const values = new Int32Array(count);
    let at = 0;
    for (let index = 0; index < count; index++) {
      const labels = labelsFor(from + index);
      const size = labels.length + 18;
      out[at++] = 0x0a;
      out[at++] = (size & 127) | 128;
      out[at++] = size >>> 7;
      out.set(labels, at);
      at += labels.length;
      out.set([0x12, 16, 0x09], at);
      values[index] = at + 3;
      out[at + 11] = 0x10;
      at += 18;
    }
    const bytes = out.slice(0, at);
    const kinds = Uint8Array.from({ length: count }, (_, index) => (from + index) % 4);
    bodies.push({
      bytes,
      view: new DataView(bytes.buffer),
      values,
      kinds,
      current: new Float64Array(count),
    });
  }
  return bodies;
}

let seed = 1;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

export function fill(body: Body, t: number): void {
  const { bytes, view, values, kinds, current } = body;
  for (let index = 0; index < values.length; index++) {
    const kind = kinds[index];
    if (kind === 0) current[index] = 42;
    else if (kind === 1) current[index] += Math.floor(random() * 100);
    else if (kind === 2) current[index] += 1;
    else current[index] = Math.round(random() * 10_000) / 100;
    view.setFloat64(values[index], current[index], true);
    let at = values[index] + 9;
    let left = t;
    for (; left >= 128; left = Math.floor(left / 128)) bytes[at++] = (left % 128) | 128;
    bytes[at] = left;
  }
}
