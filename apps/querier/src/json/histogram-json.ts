// A native histogram in answers, as Prometheus's API writes it:
// `{"count":"9","sum":"2.5","buckets":[[0,"0.5","1","4"]…]}`, numbers as texts. The first number of a bucket
// says which bounds belong to it.
import { bucketsOf, type Histogram, type PrintedBucket } from '@weir/promql';
import type { ByteWriter } from './byte-writer.ts';

/** Without `buckets` where none is populated. */
export function writeHistogram(out: ByteWriter, h: Histogram): void {
  out.ascii('{"count":');
  out.quotedFloat(h.count);
  out.ascii(',"sum":');
  out.quotedFloat(h.sum);
  const buckets = bucketsOf(h);
  for (let at = 0; at < buckets.length; at++) {
    const bucket = buckets[at]!;
    out.ascii(at > 0 ? ',[' : ',"buckets":[[');
    out.ascii(ruleOf(bucket));
    out.ascii(',');
    out.quotedFloat(bucket.lower);
    out.ascii(',');
    out.quotedFloat(bucket.upper);
    out.ascii(',');
    out.quotedFloat(bucket.count);
    out.ascii(']');
  }
  out.ascii(buckets.length > 0 ? ']}' : '}');
}

function ruleOf({ lowerInclusive, upperInclusive }: PrintedBucket): string {
  if (lowerInclusive) return upperInclusive ? '3' : '1';
  return upperInclusive ? '0' : '2';
}
