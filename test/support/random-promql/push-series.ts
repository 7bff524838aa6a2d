// Series as remote write bodies: in slices of time, so that a receiver that orders samples takes them all.
import { encodeLabels } from '@weir/model';
import { compressSync } from 'snappy';
import { floatRequest, histogramRequest } from '../../conformance/write-request.ts';
import { staleMarker } from '../histogram-data.ts';
import type { RandomSeries } from './series.ts';

const SLICE_MS = 10 * 60_000;

type Sample = RandomSeries['samples'][number];

/** WriteRequest messages (remote write 1.0), one a slice. */
export function* writeRequests(series: readonly RandomSeries[]): Generator<Uint8Array> {
  const times = series.flatMap(({ samples }) => samples.map(([t]) => t));
  const end = times.reduce((a, b) => Math.max(a, b), 0);
  const start = times.reduce((a, b) => Math.min(a, b), end);
  for (let from = start; from <= end; from += SLICE_MS) {
    const parts = series.flatMap(({ labels, samples }) => {
      const some = samples.filter(([t]) => t >= from && t < from + SLICE_MS);
      const before = samples.findLast(([t, value]) => t < from && value !== 'stale')?.[1];
      return requestsOf(labels, some, before);
    });
    if (parts.length > 0) yield Buffer.concat(parts);
  }
}

/**
 * Runs of one kind, in order: a series may change between floats and histograms. A marker at the beginning is of the
 * kind of the value before: of others a Prometheus makes what it may not find again.
 */
export function requestsOf(
  labels: RandomSeries['labels'],
  samples: readonly Sample[],
  before?: Sample[1],
): Uint8Array[] {
  const encoded = encodeLabels(Object.entries(labels).map(([name, value]) => ({ name, value })));
  const out: Uint8Array[] = [];
  for (const run of runs(withMarkers(samples, before))) {
    const t = run.map(([time]) => time);
    const values = run.map(([, value]) => value);
    if (typeof values[0] !== 'object')
      out.push(floatRequest(encoded, t, values as (number | 'stale')[]));
    else {
      const [first] = values;
      const stale = { ...staleMarker(first.isFloat), resetHint: first.resetHint };
      const h = values.map((value) => (typeof value === 'object' ? value : stale));
      out.push(histogramRequest(encoded, t, h));
    }
  }
  return out;
}

function withMarkers(samples: readonly Sample[], before: Sample[1] | undefined): readonly Sample[] {
  if (typeof before !== 'object') return samples;
  const leading = samples.findIndex(([, value]) => value !== 'stale');
  const markers = leading < 0 ? samples.length : leading;
  const marker = { ...staleMarker(before.isFloat), resetHint: before.resetHint };
  return samples.map(([t, value], at) => [t, at < markers ? marker : value]);
}

function runs(samples: readonly Sample[]): Sample[][] {
  const out: Sample[][] = [];
  for (const sample of samples) {
    const last = out.at(-1);
    // A marker ends what was there, of whichever kind.
    const goesOn = sample[1] === 'stale' || typeof sample[1] === typeof last?.[0]?.[1];
    if (last && goesOn) last.push(sample);
    else out.push([sample]);
  }
  return out;
}

/** Posts all to a remote write address; throws with the receiver's words. */
export async function pushSeries(
  url: string,
  series: readonly RandomSeries[],
  tenant: string,
): Promise<void> {
  for (const body of writeRequests(series)) {
    const response = await fetch(url, {
      method: 'POST',
      body: compressSync(Buffer.from(body)),
      headers: {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
        'x-scope-orgid': tenant,
      },
    });
    if (!response.ok)
      throw new Error(`${url} answered ${response.status} ${await response.text()}`);
  }
}
