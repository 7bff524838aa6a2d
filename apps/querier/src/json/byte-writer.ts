// JSON as bytes, written straight into a buffer of about 256 KiB at a time: no string per sample. Floats
// are written as Go's strconv does ('f', or 'e' outside [1e-6, 1e21)), timestamps as Prometheus does:
// seconds, and three decimals unless they are zero.

/** A chunk is handed on when it holds this much. */
export const CHUNK_SIZE_BYTES = 256 * 1024;
/** Most answers are small. */
const FIRST_SIZE_BYTES = 8 * 1024;
/** Fewer are copied one by one sooner. */
const COPIED_AT_ONCE_BYTES = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_SIZE_BYTES);
  #at = 0;

  /** Time to take(). */
  get full(): boolean {
    return this.#at >= CHUNK_SIZE_BYTES;
  }

  /** What was written since the last call, in a buffer of its own. */
  take(): Uint8Array {
    const chunk = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return chunk;
  }

  /** Bytes written since the last take(): where the next one goes. */
  get position(): number {
    return this.#at;
  }

  /** What was written at `from`, since the last take(), once more. */
  again(from: number, to: number): void {
    this.#reserve(to - from);
    this.#bytes.copyWithin(this.#at, from, to);
    this.#at += to - from;
  }

  /** ASCII text. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < text.length; index++) bytes[at++] = text.charCodeAt(index);
    this.#at = at;
  }

  /** What is text already. */
  bytes(source: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from);
    if (to - from > COPIED_AT_ONCE_BYTES) this.#bytes.set(source.subarray(from, to), this.#at);
    else {
      for (let index = from; index < to; index++) {
        this.#bytes[this.#at + index - from] = source[index]!;
      }
    }
    this.#at += to - from;
  }

  /** Any JSON value; not for hot paths. */
  json(value: unknown): void {
    const bytes = Buffer.from(JSON.stringify(value), 'utf8');
    this.bytes(bytes, 0, bytes.length);
  }

  /** UTF-8 bytes as a JSON string. */
  string(source: Uint8Array, from: number, to: number): void {
    this.#reserve(to - from + 2);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = QUOTE;
    for (let index = from; index < to; index++) {
      const byte = source[index]!;
      if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH || byte >= 0x80) {
        // Escapes and non-ASCII text are rare: let the runtime do them, invalid UTF-8 included.
        this.json(Buffer.from(source.buffer, source.byteOffset + from, to - from).toString('utf8'));
        return;
      }
      bytes[at++] = byte;
    }
    bytes[at++] = QUOTE;
    this.#at = at;
  }

  /** Milliseconds as unix seconds. */
  timestamp(ms: number): void {
    this.#reserve(32);
    let rest = ms;
    if (rest < 0) {
      this.#bytes[this.#at++] = 0x2d;
      rest = -rest;
    }
    const seconds = Math.floor(rest / 1000);
    const fraction = rest - seconds * 1000;
    this.#integer(seconds);
    if (fraction === 0) return;
    this.#bytes[this.#at++] = 0x2e;
    this.#padded(fraction, 3);
  }

  /** A float as a JSON string, as sample values are. */
  quotedFloat(value: number): void {
    this.#reserve(40);
    this.#bytes[this.#at++] = QUOTE;
    // In (-2^53, 2^53) an integer's digits are exact; -0 prints its sign in Go.
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value < 0) {
        this.#bytes[this.#at++] = 0x2d;
        this.#integer(-value);
      } else this.#integer(value);
    } else this.ascii(floatText(value));
    this.#bytes[this.#at++] = QUOTE;
  }

  /** Digits of a safe integer ≥ 0, in parts that fit 32-bit arithmetic. */
  #integer(value: number): void {
    if (value < 1e9) {
      this.#digits(value);
      return;
    }
    const high = Math.floor(value / 1e9);
    this.#digits(high);
    this.#padded(value - high * 1e9, 9);
  }

  #digits(value: number): void {
    let size = 1;
    for (let power = 10; power <= value; power *= 10) size++;
    this.#padded(value, size);
  }

  #padded(value: number, size: number): void {
    const bytes = this.#bytes;
    let rest = value | 0;
    for (let at = this.#at + size - 1; at >= this.#at; at--) {
      const tens = (rest / 10) | 0;
      bytes[at] = 0x30 + rest - tens * 10;
      rest = tens;
    }
    this.#at += size;
  }

  #reserve(extra: number): void {
    if (this.#at + extra <= this.#bytes.length) return;
    const larger = new Uint8Array((this.#at + extra) * 2);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

/** Go's shortest 'f' form, or 'e' outside [1e-6, 1e21) as encoding/json chooses. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const size = Math.abs(value);
  if (size >= 1e-6 && size < 1e21) return text;
  // JavaScript prints the same digits with the same thresholds, but a one-digit exponent unpadded.
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}
