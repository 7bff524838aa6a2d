// One line of InfluxDB's line protocol taken apart into columns: measurement, tags, the fields that are
// numbers, time. Nothing is unescaped or copied here: columns are positions in the body. Fields are kept
// until the line's end, because its time comes last. Syntax as InfluxDB's own parser has it, its words for
// what is wrong included: clients look for them.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { NumberReader } from './number-reader.ts';
import type { InfluxPrecision } from './precision.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const HASH = 0x23;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** Beyond what series may have labels; a line can't claim memory with more. */
const TAGS_MAX = 1024;
const FIELDS_MAX = 65_536;
const SHOWN_MAX_BYTES = 200;
/** What nanoseconds in 64 bits hold. */
const TIME_MAX_MS = 9_223_372_036_854;

export const VALUE_ESCAPED = 1;
export const VALUE_NOT_ASCII = 2;

export class LineReader {
  /** Behind the line. */
  at = 0;
  measurementFrom = 0;
  measurementTo = 0;
  tags = 0;
  readonly tagKeyFrom: Int32Array = new Int32Array(TAGS_MAX);
  readonly tagKeyTo: Int32Array = new Int32Array(TAGS_MAX);
  readonly tagValueFrom: Int32Array = new Int32Array(TAGS_MAX);
  readonly tagValueTo: Int32Array = new Int32Array(TAGS_MAX);
  /** VALUE_ESCAPED, VALUE_NOT_ASCII. */
  readonly tagMarks: Uint8Array = new Uint8Array(TAGS_MAX);
  /** Numbers and booleans; fields with texts are left out. */
  fields = 0;
  fieldKeyFrom: Int32Array = new Int32Array(16);
  fieldKeyTo: Int32Array = new Int32Array(16);
  values: Float64Array = new Float64Array(16);
  /** NaN where the line has none. */
  timeMs: number = Number.NaN;
  readonly #number = new NumberReader();
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #from = 0;
  #marks = 0;

  /** Reads the line at `from`; false for blank lines and comments. Throws `invalid` for a bad one. */
  read(bytes: Uint8Array, from: number, end: number, precision: InfluxPrecision): boolean {
    this.#bytes = bytes;
    this.#end = end;
    this.at = from;
    this.#skipBlanks();
    this.#from = this.at;
    if (this.#isLineEnd()) {
      this.#endLine();
      return false;
    }
    if (bytes[this.at] === HASH) {
      while (this.at < end && bytes[this.at] !== NEWLINE) this.at++;
      this.#endLine();
      return false;
    }
    this.#readKey();
    this.#readFields();
    this.#readTime(precision);
    this.#endLine();
    return true;
  }

  release(): void {
    this.#bytes = new Uint8Array(0);
  }

  /** Measurement and tags. */
  #readKey(): void {
    const bytes = this.#bytes;
    this.measurementFrom = this.at;
    this.#scan(false);
    this.measurementTo = this.at;
    if (this.measurementTo === this.measurementFrom) throw this.#fault('missing measurement');
    this.tags = 0;
    while (bytes[this.at] === COMMA && this.at < this.#end) {
      if (this.tags === TAGS_MAX) throw this.#fault(`more than ${TAGS_MAX} tags`);
      this.at++;
      this.#readTag(this.tags);
      this.tags++;
    }
    if (this.at >= this.#end || bytes[this.at] !== SPACE) throw this.#fault('missing fields');
    this.#skipBlanks();
    if (this.#isLineEnd()) throw this.#fault('missing fields');
  }

  #readTag(tag: number): void {
    const bytes = this.#bytes;
    const keyFrom = this.at;
    this.#scan(true);
    if (this.at === keyFrom) throw this.#fault('missing tag key');
    if (this.at >= this.#end || bytes[this.at] !== EQUALS) throw this.#fault('missing tag value');
    this.tagKeyFrom[tag] = keyFrom;
    this.tagKeyTo[tag] = this.at;
    const valueFrom = this.at + 1;
    this.at = valueFrom;
    this.#scan(true);
    if (this.at === valueFrom) throw this.#fault('missing tag value');
    if (bytes[this.at] === EQUALS && this.at < this.#end) throw this.#fault('invalid tag format');
    this.tagValueFrom[tag] = valueFrom;
    this.tagValueTo[tag] = this.at;
    this.tagMarks[tag] = this.#marks;
  }

  #readFields(): void {
    const bytes = this.#bytes;
    this.fields = 0;
    for (;;) {
      const keyFrom = this.at;
      this.#scan(true);
      const keyTo = this.at;
      if (this.at >= this.#end || bytes[this.at] !== EQUALS) {
        throw this.#fault('invalid field format');
      }
      if (keyTo === keyFrom) throw this.#fault('missing field key');
      this.at++;
      this.#readValue(keyFrom, keyTo);
      if (this.at >= this.#end || bytes[this.at] !== COMMA) break;
      this.at++;
    }
    if (bytes[this.at] !== SPACE && !this.#isLineEnd()) throw this.#fault('invalid field format');
  }

  #readValue(keyFrom: number, keyTo: number): void {
    const first = this.#bytes[this.at];
    if (this.#isLineEnd() || first === COMMA || first === SPACE) {
      throw this.#fault('missing field value');
    }
    if (first === QUOTE) {
      this.#skipText();
      return;
    }
    const number = this.#number;
    const next = number.read(this.#bytes, this.at, this.#end);
    if (next < 0) throw this.#fault(number.fault);
    this.at = next;
    this.#addField(keyFrom, keyTo, number.value);
  }

  #addField(keyFrom: number, keyTo: number, value: number): void {
    const index = this.fields;
    if (index === this.values.length) this.#growFields();
    this.fieldKeyFrom[index] = keyFrom;
    this.fieldKeyTo[index] = keyTo;
    this.values[index] = value;
    this.fields = index + 1;
  }

  #growFields(): void {
    const capacity = this.values.length * 2;
    if (capacity > FIELDS_MAX) throw this.#fault(`more than ${FIELDS_MAX} fields`);
    const from = new Int32Array(capacity);
    const to = new Int32Array(capacity);
    const values = new Float64Array(capacity);
    from.set(this.fieldKeyFrom);
    to.set(this.fieldKeyTo);
    values.set(this.values);
    this.fieldKeyFrom = from;
    this.fieldKeyTo = to;
    this.values = values;
  }

  /** A quoted text, in which newlines stand as they are. */
  #skipText(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.at + 1;
    while (at < end && bytes[at] !== QUOTE) {
      if (bytes[at] === BACKSLASH && at + 1 < end) at++;
      at++;
    }
    if (at >= end) throw this.#fault('unbalanced quotes');
    this.at = at + 1;
  }

  #readTime({ digits, factorMs }: InfluxPrecision): void {
    this.timeMs = Number.NaN;
    this.#skipBlanks();
    if (this.#isLineEnd()) return;
    const bytes = this.#bytes;
    const isNegative = bytes[this.at] === 0x2d;
    if (isNegative) this.at++;
    const from = this.at;
    while (this.at < this.#end && bytes[this.at]! >= 0x30 && bytes[this.at]! <= 0x39) this.at++;
    const to = this.at;
    this.#skipBlanks();
    if (to === from || !this.#isLineEnd()) throw this.#fault('bad timestamp');
    let whole = 0;
    let hasRest = false;
    for (let at = from; at < to; at++) {
      if (at < to - digits) whole = whole * 10 + bytes[at]! - 0x30;
      else hasRest ||= bytes[at] !== 0x30;
    }
    whole *= factorMs;
    if (whole > TIME_MAX_MS) {
      throw this.#fault('time outside range -9223372036854775806 - 9223372036854775806');
    }
    // Towards the past, also before 1970.
    this.timeMs = isNegative ? 0 - whole - (hasRest ? 1 : 0) : whole;
  }

  /** Goes to the next byte that ends a key or value: comma, space, newline, and `=` where it counts. */
  #scan(endsAtEquals: boolean): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.at;
    let seen = 0;
    let marks = 0;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte <= EQUALS) {
        if (byte === COMMA || byte === SPACE || byte === NEWLINE) break;
        if (byte === EQUALS && endsAtEquals) break;
      } else if (byte === BACKSLASH && at + 1 < end && isEscapable(bytes[at + 1]!, endsAtEquals)) {
        marks = VALUE_ESCAPED;
        at++;
      }
      seen |= byte;
      at++;
    }
    this.at = at;
    this.#marks = seen >= 0x80 ? marks | VALUE_NOT_ASCII : marks;
  }

  #skipBlanks(): void {
    const bytes = this.#bytes;
    while (this.at < this.#end && (bytes[this.at] === SPACE || bytes[this.at] === TAB)) this.at++;
  }

  #isLineEnd(): boolean {
    const { at } = this;
    if (at >= this.#end || this.#bytes[at] === NEWLINE) return true;
    if (this.#bytes[at] !== RETURN) return false;
    return at + 1 >= this.#end || this.#bytes[at + 1] === NEWLINE;
  }

  #endLine(): void {
    if (this.at < this.#end && this.#bytes[this.at] === RETURN) this.at++;
    if (this.at < this.#end) this.at++;
  }

  #fault(reason: string): WeirError {
    const bytes = this.#bytes;
    const end = Math.min(this.#end, this.#from + SHOWN_MAX_BYTES);
    const newline = bytes.subarray(this.#from, end).indexOf(NEWLINE);
    const shown = text(bytes.subarray(this.#from, newline < 0 ? end : this.#from + newline));
    return new WeirError('invalid', `can't parse points: unable to parse '${shown}': ${reason}`);
  }
}

/** Whether a backslash before it is an escape; before anything else it stands for itself. */
export function isEscapable(byte: number, withEquals: boolean): boolean {
  return byte === COMMA || byte === SPACE || (withEquals && byte === EQUALS);
}
