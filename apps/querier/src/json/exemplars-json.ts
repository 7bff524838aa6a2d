// The answer of query_exemplars as JSON, produced chunk by chunk while it is sent.
import type { Label } from '@weir/model';
import type { SeriesExemplars } from '@weir/query';
import { ByteWriter } from './byte-writer.ts';

export function* exemplarsAnswerJson(series: readonly SeriesExemplars[]): Generator<Uint8Array> {
  const out = new ByteWriter();
  out.ascii('{"status":"success","data":[');
  for (const [at, { labels, exemplars }] of series.entries()) {
    out.ascii(at > 0 ? ',{"seriesLabels":' : '{"seriesLabels":');
    writeLabels(out, labels);
    out.ascii(',"exemplars":[');
    for (const [index, exemplar] of exemplars.entries()) {
      out.ascii(index > 0 ? ',{"labels":' : '{"labels":');
      writeLabels(out, exemplar.labels);
      out.ascii(',"value":');
      out.quotedFloat(exemplar.value);
      out.ascii(',"timestamp":');
      out.timestamp(exemplar.t);
      out.ascii('}');
      if (out.full) yield out.take();
    }
    out.ascii(']}');
  }
  out.ascii(']}');
  yield out.take();
}

function writeLabels(out: ByteWriter, labels: readonly Label[]): void {
  out.ascii('{');
  for (const [at, { name, value }] of labels.entries()) {
    if (at > 0) out.ascii(',');
    out.json(name);
    out.ascii(':');
    out.json(value);
  }
  out.ascii('}');
}
