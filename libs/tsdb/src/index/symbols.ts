// The symbol table, kept as the bytes of its section and one offset a symbol.
import { type Cursor, readUvarint } from '@weir/bytes';
import { corruptAt, INDEX_FILE } from './format.ts';
import { decoding } from './sections.ts';

export class Symbols {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** Symbol n is bytes[starts[n], ends[n]). */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;

  /** `section`: content of the section; `fileOffset`: where it lies, for messages. */
  constructor(section: Uint8Array, fileOffset: number) {
    if (section.length < 4) throw corruptAt(INDEX_FILE, fileOffset, 'symbol table has no count');
    const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
    const count = view.getUint32(0);
    if (count > section.length) throw corruptAt(INDEX_FILE, fileOffset, 'too many symbols');
    this.bytes = section;
    this.count = count;
    this.starts = new Uint32Array(count);
    this.ends = new Uint32Array(count);
    decoding(INDEX_FILE, fileOffset, () => this.#scan());
    if (count > 0 && this.ends[count - 1]! > section.length) {
      throw corruptAt(INDEX_FILE, fileOffset, 'a symbol lies past the end of its table');
    }
  }

  get sizeBytes(): number {
    return this.bytes.length + this.count * 8;
  }

  #scan(): void {
    const cursor: Cursor = { at: 4 };
    for (let index = 0; index < this.count; index++) {
      const size = readUvarint(this.bytes, cursor, this.bytes.length);
      this.starts[index] = cursor.at;
      cursor.at += size;
      this.ends[index] = cursor.at;
    }
  }
}
