// The values of Kafka's protocol, as far as broker-connection.ts and topic-settings.ts use them: numbers
// big endian, texts and lists with their length before them. Answers are bytes from outside: whatever
// does not fit is `corrupt`, never read past.
import { WeirError } from '@weir/errors';

export function int8(value: number): Buffer {
  const out = Buffer.alloc(1);
  out.writeInt8(value);
  return out;
}

export function int16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeInt16BE(value);
  return out;
}

export function int32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32BE(value);
  return out;
}

export function text(value: string): Buffer {
  const encoded = Buffer.from(value, 'utf8');
  return Buffer.concat([int16(encoded.length), encoded]);
}

export function bytes(value: Buffer): Buffer {
  return Buffer.concat([int32(value.length), value]);
}

/** Throws `corrupt` at the end of the answer. */
export class ProtocolReader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  int8(): number {
    return this.#take(1).readInt8();
  }

  int16(): number {
    return this.#take(2).readInt16BE();
  }

  int32(): number {
    return this.#take(4).readInt32BE();
  }

  text(): string {
    const value = this.nullableText();
    if (value === undefined) throw new WeirError('corrupt', 'kafka answer: a text is missing');
    return value;
  }

  nullableText(): string | undefined {
    const length = this.int16();
    return length < 0 ? undefined : this.#take(length).toString('utf8');
  }

  bytes(): Buffer {
    return this.#take(Math.max(0, this.int32()));
  }

  list<Item>(read: () => Item): Item[] {
    const count = this.int32();
    // An item has at least a byte: a count above that is no count.
    if (count > this.#data.length - this.#at) {
      throw new WeirError('corrupt', `kafka answer: ${count} items in fewer bytes`);
    }
    return Array.from({ length: Math.max(0, count) }, read);
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#data.length) {
      throw new WeirError('corrupt', 'kafka answer: it ends too early');
    }
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}
