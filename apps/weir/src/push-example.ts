// A push that works when pasted into a shell: a remote write 1.0 request with one sample of now, as
// base64. The snappy block is made of literals only, so that no compressor is needed to print a line.
import { writeUvarint } from '@weir/bytes';
import { labelsOf } from '@weir/model';

export function pushExample(base: string, nowMs: number): string {
  const body = Buffer.from(literalSnappy(oneSample(nowMs))).toString('base64');
  return [
    `echo ${body} | base64 -d | curl -H 'X-Scope-OrgID: demo' \\`,
    `    -H 'Content-Type: application/x-protobuf' -H 'Content-Encoding: snappy' \\`,
    `    --data-binary @- ${base}/api/v1/push`,
  ].join('\n');
}

export function queryExample(base: string, prefix: string): string {
  return `curl -H 'X-Scope-OrgID: demo' '${base}${prefix}/api/v1/query?query=hello_weir'`;
}

function oneSample(nowMs: number): Uint8Array {
  const labels = labelsOf({ __name__: 'hello_weir', from: 'curl' });
  const sample = new Uint8Array(32);
  sample[0] = 0x09; // field 1, 64 bit: the value
  new DataView(sample.buffer).setFloat64(1, 1, true);
  sample[9] = 0x10; // field 2, varint: the timestamp
  const sampleEnd = writeUvarint(sample, 10, nowMs);
  const series = new Uint8Array(labels.length + 2 + sampleEnd);
  series.set(labels);
  series.set([0x12, sampleEnd], labels.length);
  series.set(sample.subarray(0, sampleEnd), labels.length + 2);
  return Uint8Array.of(0x0a, series.length, ...series);
}

/** Snappy block format (google/snappy format_description.txt): one literal of at most 60 bytes a turn. */
function literalSnappy(raw: Uint8Array): Uint8Array {
  const out: number[] = [];
  const length = new Uint8Array(8);
  out.push(...length.subarray(0, writeUvarint(length, 0, raw.length)));
  for (let at = 0; at < raw.length; at += 60) {
    const literal = raw.subarray(at, at + 60);
    out.push((literal.length - 1) << 2, ...literal);
  }
  return Uint8Array.from(out);
}

/** What a person sees first: where it listens, a push and a query. */
export function banner(base: string, prefix: string, nowMs: number): string {
  return [
    '',
    `Weir listens on ${base}`,
    '',
    'Push a sample:',
    `  ${pushExample(base, nowMs)}`,
    '',
    'Query it:',
    `  ${queryExample(base, prefix)}`,
    '',
    'Or point a Prometheus at it:',
    '  remote_write:',
    `    - url: ${base}/api/v1/push`,
    '      headers: { X-Scope-OrgID: demo }',
    '',
    '',
  ].join('\n');
}
