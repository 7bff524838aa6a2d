// The symbols of one remote write 2.0 request as positions in its body, with what is known about each
// (UTF-8 or not) cached, because a symbol is used by many series.
import { isUtf8 } from 'node:buffer';
import { WeirError } from '@weir/errors';
import { FieldReader, WIRE_LENGTH } from '../protobuf/field-reader.ts';

const UNKNOWN = 0;
const VALID = 1;
const INVALID = 2;
const SYMBOLS_MIN = 1024;

export class SymbolTable {
  count = 0;
  from: Int32Array = new Int32Array(SYMBOLS_MIN);
  to: Int32Array = new Int32Array(SYMBOLS_MIN);
  #utf8: Uint8Array = new Uint8Array(SYMBOLS_MIN);
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #field = new FieldReader();

  /** Reads the symbols of bytes[0, size), wherever they stand; `invalid` unless the first is ''. */
  read(bytes: Uint8Array, size: number): void {
    this.#bytes = bytes;
    this.count = 0;
    const field = this.#field.reset(bytes, 0, size);
    let hasSeries = false;
    while (field.next()) {
      if (field.field === 5) hasSeries = true;
      if (field.field !== 4) continue;
      field.expect(WIRE_LENGTH, 'Request.symbols');
      if (this.count === this.from.length) this.#grow();
      this.from[this.count] = field.from;
      this.to[this.count] = field.to;
      this.#utf8[this.count] = UNKNOWN;
      this.count++;
    }
    if (this.count > 0 || hasSeries) this.#checkFirst();
  }

  /** Takes symbols of `bytes` that were found already; `invalid` unless the first is ''. */
  take(bytes: Uint8Array, from: Int32Array, to: Int32Array): void {
    this.#bytes = bytes;
    while (this.from.length < from.length) this.#grow();
    this.from.set(from);
    this.to.set(to);
    this.#utf8.fill(UNKNOWN, 0, from.length);
    this.count = from.length;
    this.#checkFirst();
  }

  /** Throws `invalid` when the table has no such symbol. */
  check(reference: number): void {
    if (reference >= this.count) {
      throw new WeirError(
        'invalid',
        `remote write 2.0: symbol reference ${reference} is out of range, the request has ${this.count} symbols`,
      );
    }
  }

  isUtf8(reference: number): boolean {
    if (this.#utf8[reference] === UNKNOWN) {
      this.#utf8[reference] = isUtf8(this.bytes(reference)) ? VALID : INVALID;
    }
    return this.#utf8[reference] === VALID;
  }

  size(reference: number): number {
    return this.to[reference]! - this.from[reference]!;
  }

  bytes(reference: number): Uint8Array {
    return this.#bytes.subarray(this.from[reference]!, this.to[reference]!);
  }

  /** Whether symbol `a` comes before symbol `b` in byte order. */
  isBefore(a: number, b: number): boolean {
    const bytes = this.#bytes;
    const fromA = this.from[a]!;
    const fromB = this.from[b]!;
    const shared = Math.min(this.size(a), this.size(b));
    for (let index = 0; index < shared; index++) {
      const difference = bytes[fromA + index]! - bytes[fromB + index]!;
      if (difference !== 0) return difference < 0;
    }
    return this.size(a) < this.size(b);
  }

  #checkFirst(): void {
    if (this.count > 0 && this.from[0] === this.to[0]) return;
    throw new WeirError('invalid', 'remote write 2.0: the first symbol must be the empty string');
  }

  #grow(): void {
    const capacity = this.from.length * 2;
    const from = new Int32Array(capacity);
    const to = new Int32Array(capacity);
    const utf8 = new Uint8Array(capacity);
    from.set(this.from);
    to.set(this.to);
    utf8.set(this.#utf8);
    this.from = from;
    this.to = to;
    this.#utf8 = utf8;
  }
}
