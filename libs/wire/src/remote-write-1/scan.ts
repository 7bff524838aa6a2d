// Remote write 1.0: one pass over a decompressed WriteRequest that validates, hashes and delimits each
// series. Series that are canonical (all of them, from Prometheus) stay where they are: a run of the
// body's own bytes is what goes into the log. The pass stops at a byte budget and can be continued, so
// that a huge or hostile body shares the event loop.
//
// Fields that clients have no business to set (Mimir's source and validation switches) and unknown
// ones are skipped, not forwarded.
import { readUvarint, uvarintSize, writeUvarint } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { FieldReader, WIRE_LENGTH, WIRE_VARINT } from '../protobuf/field-reader.ts';
import type { PushKernel } from '../push-kernel/push-kernel.ts';
import type { AcceptedWrite } from '../write-request/accepted-write.ts';
import { acceptMetadata } from '../write-request/metadata-entry.ts';
import { SeriesDraft } from '../write-request/series-draft.ts';
import { changesLabels, type WriteRules } from '../write-request/write-rules.ts';
import { CanonicalSeries } from './canonical-series.ts';
import { parseSeries } from './parse-series.ts';
import { copyWithout } from './without-label.ts';

const EMPTY = new Uint8Array(0);
/** Tag and size of a run. */
const HEAD_MAX_BYTES = 6;

export class RemoteWrite1Scan {
  at = 0;
  readonly #canonical = new CanonicalSeries();
  readonly #draft = new SeriesDraft();
  readonly #field = new FieldReader();
  #bytes: Uint8Array = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);
  /** Over what was rewritten. */
  #written: DataView = new DataView(EMPTY.buffer);
  #end = 0;
  #seed = 0;
  #kernel: PushKernel | undefined;

  /**
   * Begins with bytes[0, size); the hash of each series starts from `seed` (the tenant's). A kernel that
   * holds these bytes does what is canonical.
   */
  start(bytes: Uint8Array, size: number, seed: number, kernel?: PushKernel): void {
    this.#kernel = kernel?.holds(bytes) ? kernel : undefined;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = size;
    this.#seed = seed;
    this.at = 0;
  }

  /** Lets go of the body. */
  release(): void {
    this.#draft.clear();
    this.start(EMPTY, 0, 0);
    this.#written = this.#view;
  }

  /** Scans about `budgetBytes` further; true when the body is done. Malformed bytes throw `invalid`. */
  run(budgetBytes: number, rules: WriteRules, out: AcceptedWrite): boolean {
    const bytes = this.#bytes;
    const view = this.#view;
    const end = this.#end;
    const canonical = this.#canonical;
    const pause = Math.min(end, this.at + budgetBytes);
    const { dropped } = rules;
    const isRelabelled = rules.relabel !== undefined;
    const isCopied = dropped !== undefined && !isRelabelled;
    const kernel = rules.legacyNames || changesLabels(rules) ? undefined : this.#kernel;
    while (this.at < pause) {
      if (kernel !== undefined) {
        this.at = kernel.scan(this.at, pause, rules, this.#seed, out);
        if (this.at >= pause) break;
      }
      const start = this.at;
      if (bytes[start] !== 0x0a) {
        this.#other(rules, out);
        continue;
      }
      this.at = start + 1;
      const size = readUvarint(bytes, this, end);
      const from = this.at;
      const to = from + size;
      if (to > end) {
        throw new WeirError('invalid', 'proto: timeseries reaches past the end of its message');
      }
      this.at = to;
      if (isCopied) {
        if (!this.#writeWithout(dropped, from, to, rules, out)) {
          this.#takeSlowPath(from, to, rules, out);
        }
      } else if (!isRelabelled && canonical.check(bytes, view, from, to, rules, this.#seed)) {
        const samples = canonical.samples;
        out.push(start, to - start, canonical.screen.hash, samples);
        out.samplesIn += samples;
        out.samplesOk += samples;
      } else {
        this.#takeSlowPath(from, to, rules, out);
      }
    }
    return this.at >= end;
  }

  /** Writes the series without that label, where it is canonical otherwise. */
  #writeWithout(
    label: Uint8Array,
    from: number,
    to: number,
    rules: WriteRules,
    out: AcceptedWrite,
  ): boolean {
    const sink = out.rewritten;
    sink.reserve(HEAD_MAX_BYTES + to - from);
    const { bytes } = sink;
    const start = sink.size + HEAD_MAX_BYTES;
    const end = copyWithout(label, this.#bytes, from, to, bytes, start);
    if (this.#written.buffer !== bytes.buffer) this.#written = new DataView(bytes.buffer);
    const canonical = this.#canonical;
    if (!canonical.check(bytes, this.#written, start, end, rules, this.#seed)) return false;
    const run = start - 1 - uvarintSize(end - start);
    bytes[run] = 0x0a;
    writeUvarint(bytes, run + 1, end - start);
    sink.size = end;
    out.push(~run, end - run, canonical.screen.hash, canonical.samples);
    out.samplesIn += canonical.samples;
    out.samplesOk += canonical.samples;
    return true;
  }

  #takeSlowPath(from: number, to: number, rules: WriteRules, out: AcceptedWrite): void {
    const bytes = this.#bytes;
    const draft = this.#draft;
    const canonical = this.#canonical;
    const labelsEnd = canonical.checkLabels(bytes, this.#view, from, to, rules, this.#seed);
    draft.clear();
    if (labelsEnd >= 0) {
      draft.labels.take(bytes.subarray(from, labelsEnd), canonical.screen.hash);
      // Labels behind other fields make it another series.
      if (!parseSeries(bytes, labelsEnd, to, draft)) {
        draft.clear();
        parseSeries(bytes, from, to, draft);
      }
    } else parseSeries(bytes, from, to, draft);
    draft.finish(rules, this.#seed, out);
  }

  #other(rules: WriteRules, out: AcceptedWrite): void {
    const field = this.#field.reset(this.#bytes, this.at, this.#end);
    field.next();
    this.at = field.at;
    if (field.field === 1) field.expect(WIRE_LENGTH, 'WriteRequest.timeseries');
    if (field.field !== 3) return;
    field.expect(WIRE_LENGTH, 'WriteRequest.metadata');
    parseMetadata(this.#bytes, field, rules, this.#seed, out);
  }
}

function parseMetadata(
  bytes: Uint8Array,
  field: FieldReader,
  rules: WriteRules,
  seed: number,
  out: AcceptedWrite,
): void {
  const entry = {
    type: 0,
    family: EMPTY as Uint8Array,
    help: EMPTY as Uint8Array,
    unit: EMPTY as Uint8Array,
  };
  const inner = field.reset(bytes, field.from, field.to);
  while (inner.next()) {
    if (inner.field === 1) {
      inner.expect(WIRE_VARINT, 'MetricMetadata.type');
      entry.type = inner.uint32();
    } else if (inner.field === 2) {
      inner.expect(WIRE_LENGTH, 'MetricMetadata.metric_family_name');
      entry.family = inner.bytes();
    } else if (inner.field === 4) {
      inner.expect(WIRE_LENGTH, 'MetricMetadata.help');
      entry.help = inner.bytes();
    } else if (inner.field === 5) {
      inner.expect(WIRE_LENGTH, 'MetricMetadata.unit');
      entry.unit = inner.bytes();
    }
  }
  acceptMetadata(entry, rules, seed, out);
}
