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
      return requestsOf(labels, some);
    });
    if (parts.length > 0) yield Buffer.concat(parts);
  }
}

/** Runs of one kind, in order: a series may change between floats and histograms. */
export function requestsOf(
  labels: RandomSeries['labels'],
  samples: readonly Sample[],
): Uint8Array[] {
  const encoded = encodeLabels(Object.entries(labels).map(([name, value]) => ({ name, value })));
  const out: Uint8Array[] = [];
  for (const run of runs(samples)) {
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
