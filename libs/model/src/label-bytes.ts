// Labels as bytes. One form for the identity of a series everywhere: the labels of a remote write 1.0
// TimeSeries as they stand on the wire, `(0x0a len (0x0a len name)(0x12 len value))*`, sorted by name
// bytes, no name twice, no empty value, minimal varints. So a distributor forwards them with one copy,
// a head compares them with one memcmp, and a remote read answer contains them verbatim.
import {
  type Cursor,
  compareBytes,
  readUvarint,
  text,
  utf8,
  uvarintSize,
  writeUvarint,
} from '@weir/bytes';
import { WeirError } from '@weir/errors';

/** Canonical label bytes; see the head of this file. */
export type LabelBytes = Uint8Array;

export interface Label {
  readonly name: string;
  readonly value: string;
}

/** Encodes labels in canonical form: sorts by name and drops empty values. */
export function encodeLabels(labels: Iterable<Label>): LabelBytes {
  const pairs: [Uint8Array, Uint8Array][] = [];
  for (const { name, value } of labels) if (value !== '') pairs.push([utf8(name), utf8(value)]);
  pairs.sort((a, b) => compareBytes(a[0], b[0]));
  let size = 0;
  for (const [name, value] of pairs) size += labelSize(name.length, value.length);
  const out = new Uint8Array(size);
  let at = 0;
  for (const [name, value] of pairs) at = writeLabel(out, at, name, value);
  return out;
}

export function labelsOf(record: Record<string, string>): LabelBytes {
  return encodeLabels(Object.entries(record).map(([name, value]) => ({ name, value })));
}

/** Bytes that one label takes, its tag and length included. */
export function labelSize(nameLength: number, valueLength: number): number {
  const inner = 2 + uvarintSize(nameLength) + nameLength + uvarintSize(valueLength) + valueLength;
  return 1 + uvarintSize(inner) + inner;
}

/** Writes one label and returns the position behind it. */
export function writeLabel(
  out: Uint8Array,
  start: number,
  name: Uint8Array,
  value: Uint8Array,
): number {
  let at = start;
  const inner =
    2 + uvarintSize(name.length) + name.length + uvarintSize(value.length) + value.length;
  out[at++] = 0x0a;
  at = writeUvarint(out, at, inner);
  out[at++] = 0x0a;
  at = writeUvarint(out, at, name.length);
  out.set(name, at);
  at += name.length;
  out[at++] = 0x12;
  at = writeUvarint(out, at, value.length);
  out.set(value, at);
  return at + value.length;
}

/** A reusable cursor over label bytes: positions of name and value, no objects per label. */
export class LabelReader implements Cursor {
  at = 0;
  nameFrom = 0;
  nameTo = 0;
  valueFrom = 0;
  valueTo = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;

  reset(bytes: Uint8Array, from = 0, to = bytes.length): this {
    this.#bytes = bytes;
    this.at = from;
    this.#end = to;
    return this;
  }

  /** Advances to the next label; false at the end. Throws on bytes that aren't canonical labels. */
  next(): boolean {
    if (this.at >= this.#end) return false;
    const bytes = this.#bytes;
    expectTag(bytes[this.at++], 0x0a);
    const size = readUvarint(bytes, this, this.#end);
    const end = this.at + size;
    if (end > this.#end) throw new WeirError('corrupt', 'label reaches past the end of its labels');
    expectTag(bytes[this.at++], 0x0a);
    const nameLength = readUvarint(bytes, this, end);
    this.nameFrom = this.at;
    this.nameTo = this.at + nameLength;
    this.at = this.nameTo;
    expectTag(bytes[this.at++], 0x12);
    const valueLength = readUvarint(bytes, this, end);
    this.valueFrom = this.at;
    this.valueTo = this.at + valueLength;
    this.at = this.valueTo;
    if (this.at !== end) throw new WeirError('corrupt', 'label lengths disagree');
    return true;
  }

  nameText(): string {
    return text(this.#bytes.subarray(this.nameFrom, this.nameTo));
  }

  valueText(): string {
    return text(this.#bytes.subarray(this.valueFrom, this.valueTo));
  }
}

function expectTag(found: number | undefined, wanted: number): void {
  if (found !== wanted)
    throw new WeirError('corrupt', `label tag ${wanted} expected, got ${found}`);
}

export function decodeLabels(bytes: LabelBytes): Label[] {
  const reader = new LabelReader().reset(bytes);
  const labels: Label[] = [];
  while (reader.next()) labels.push({ name: reader.nameText(), value: reader.valueText() });
  return labels;
}

/** The value of one label, or undefined. */
export function labelValue(bytes: LabelBytes, name: string): string | undefined {
  const wanted = utf8(name);
  const reader = new LabelReader().reset(bytes);
  while (reader.next()) {
    if (compareBytes(bytes.subarray(reader.nameFrom, reader.nameTo), wanted) === 0) {
      return reader.valueText();
    }
  }
  return undefined;
}

/** Labels as Prometheus prints them: `name{a="b"}`; for messages and logs. */
export function printLabels(bytes: LabelBytes): string {
  const labels = decodeLabels(bytes);
  const named = labels.find((label) => label.name === '__name__');
  const name = named?.value ?? '';
  const rest = labels.filter((label) => label !== named);
  if (rest.length === 0 && name !== '') return name;
  return `${name}{${rest.map((label) => `${label.name}=${JSON.stringify(label.value)}`).join(', ')}}`;
}
