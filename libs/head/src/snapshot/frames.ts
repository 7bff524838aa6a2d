// The bytes of a snapshot: frames with checksums, numbered, so that damage anywhere (a flipped bit, a
// part that is missing, twice there or at another place) is found before the snapshot is believed.
// FORMAT.md describes them. Knows nothing of what rows and slabs mean.
import { crc32c, text, utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import type { SlabFile } from '../head.ts';
import { EXTENT_BYTES } from '../slabs/extents.ts';

/** Version of the frames and of the header. */
export const SNAPSHOT_FORMAT = 2;
const MAGIC = utf8('WEIRSNAP');
export const HEADER = 1;
export const ROWS = 2;
export const FOOTER = 3;
export const SLAB = 4;
/** Length and checksum; what the checksum covers follows: number, kind, payload. */
const PREFIX_BYTES = 8;
const COVERED_BYTES = 5;
/** Of a slab's payload: file, encoding, two bytes of nothing, extent, used bytes; then the slab. */
const SLAB_BYTES = 12;
/** In the order of their numbers. */
const SLAB_FILES: readonly SlabFile[] = ['groups', 'blocks', 'arenas'];
/** A frame of rows ends with the row that fills it. */
const FRAME_BYTES = 256 * 1024;
/** More is no frame of ours: rows are far smaller. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024;

export interface SnapshotHeader {
  readonly format: number;
  /** Format of the rows inside (FORMAT.md). */
  readonly rowFormat: number;
  readonly topicId: string;
  readonly partition: number;
  /** The next offset to be applied to this state. */
  readonly position: number;
  /** The checkpoint that it holds. */
  readonly epoch: number;
}

export interface SnapshotFooter {
  readonly rows: number;
  /** Of keys and values. */
  readonly bytes: number;
}

export interface SlabFrame {
  readonly file: SlabFile;
  readonly extent: number;
  /** Bytes of the slab. */
  readonly used: number;
  readonly isDeflated: boolean;
  /** The slab's bytes, maybe deflated. */
  readonly bytes: Uint8Array;
}

/** Writes frames, each in memory of its own. */
export class FrameWriter {
  #number = 0;
  #rows: [Uint8Array, Uint8Array][] = [];
  #pendingBytes = 0;
  #count = 0;
  #bytes = 0;

  /** To be called first; the magic and the header come as one piece. */
  header(header: SnapshotHeader): Uint8Array {
    return Buffer.concat([MAGIC, this.#json(HEADER, header)]);
  }

  /** Takes a row; returns a frame when one has become full. */
  row(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    this.#rows.push([key, value]);
    this.#pendingBytes += 8 + key.length + value.length;
    this.#count++;
    this.#bytes += key.length + value.length;
    return this.#pendingBytes >= FRAME_BYTES ? this.flush() : undefined;
  }

  /** The frame of what is left, if anything. */
  flush(): Uint8Array | undefined {
    if (this.#rows.length === 0) return undefined;
    const out = new Uint8Array(PREFIX_BYTES + COVERED_BYTES + this.#pendingBytes);
    const view = new DataView(out.buffer);
    let at = PREFIX_BYTES + COVERED_BYTES;
    for (const [key, value] of this.#rows) {
      view.setUint32(at, key.length, true);
      view.setUint32(at + 4, value.length, true);
      out.set(key, at + 8);
      out.set(value, at + 8 + key.length);
      at += 8 + key.length + value.length;
    }
    this.#rows = [];
    this.#pendingBytes = 0;
    return this.#seal(ROWS, out, view);
  }

  /** After all rows, and flush(). */
  slab({ file, extent, used, isDeflated, bytes }: SlabFrame): Uint8Array {
    const from = PREFIX_BYTES + COVERED_BYTES;
    const out = new Uint8Array(from + SLAB_BYTES + bytes.length);
    const view = new DataView(out.buffer);
    out[from] = SLAB_FILES.indexOf(file);
    out[from + 1] = isDeflated ? 1 : 0;
    view.setUint32(from + 4, extent, true);
    view.setUint32(from + 8, used, true);
    out.set(bytes, from + SLAB_BYTES);
    return this.#seal(SLAB, out, view);
  }

  footer(): Uint8Array {
    return this.#json(FOOTER, { rows: this.#count, bytes: this.#bytes } satisfies SnapshotFooter);
  }

  #json(kind: number, value: object): Uint8Array {
    const json = utf8(JSON.stringify(value));
    const out = new Uint8Array(PREFIX_BYTES + COVERED_BYTES + json.length);
    out.set(json, PREFIX_BYTES + COVERED_BYTES);
    return this.#seal(kind, out, new DataView(out.buffer));
  }

  #seal(kind: number, out: Uint8Array, view: DataView): Uint8Array {
    view.setUint32(0, out.length - PREFIX_BYTES, true);
    view.setUint32(PREFIX_BYTES, this.#number++, true);
    out[PREFIX_BYTES + 4] = kind;
    view.setUint32(4, crc32c(out, PREFIX_BYTES), true);
    return out;
  }
}

export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** Finds the frames in pieces of any size; throws `corrupt` at the first one that is damaged. */
export class FrameReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #number = 0;
  #begun = false;

  /** Frames that are complete with this piece. */
  *push(piece: Uint8Array): Generator<Frame> {
    this.#bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece]);
    let at = 0;
    try {
      if (!this.#begun) {
        if (this.#bytes.length < MAGIC.length) return;
        if (MAGIC.some((byte, index) => this.#bytes[index] !== byte))
          throw bad('it is no snapshot');
        this.#begun = true;
        at = MAGIC.length;
      }
      for (;;) {
        const frame = this.#frameAt(at);
        if (frame === undefined) return;
        at += PREFIX_BYTES + COVERED_BYTES + frame.payload.length;
        yield frame;
      }
    } finally {
      this.#bytes = this.#bytes.slice(at);
    }
  }

  /** Throws unless everything pushed was frames. */
  finish(): void {
    if (!this.#begun || this.#bytes.length > 0) throw bad('it ends within a frame');
  }

  #frameAt(at: number): Frame | undefined {
    const bytes = this.#bytes;
    if (at + PREFIX_BYTES > bytes.length) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const length = view.getUint32(at, true);
    if (length < COVERED_BYTES || length > FRAME_BYTES_MAX) {
      throw bad(`frame ${this.#number} has an impossible length`);
    }
    const from = at + PREFIX_BYTES;
    const end = from + length;
    if (end > bytes.length) return undefined;
    if (view.getUint32(at + 4, true) !== crc32c(bytes, from, end)) {
      throw bad(`the checksum of frame ${this.#number} differs`);
    }
    const number = view.getUint32(from, true);
    if (number !== this.#number) throw bad(`frame ${this.#number} is missing`);
    this.#number++;
    return { kind: bytes[from + 4], payload: bytes.subarray(from + COVERED_BYTES, end) };
  }
}

/** Calls `each` with the rows of a frame; they view its payload. */
export function readRows(
  payload: Uint8Array,
  each: (key: Uint8Array, value: Uint8Array) => void,
): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = 0; at < payload.length; ) {
    if (at + 8 > payload.length) throw bad('a row is cut short');
    const keyEnd = at + 8 + view.getUint32(at, true);
    const end = keyEnd + view.getUint32(at + 4, true);
    if (end > payload.length) throw bad('a row is cut short');
    each(payload.subarray(at + 8, keyEnd), payload.subarray(keyEnd, end));
    at = end;
  }
}

/** `bytes` views the payload. Throws `corrupt`. */
export function readSlabFrame(payload: Uint8Array): SlabFrame {
  if (payload.length < SLAB_BYTES) throw bad('a slab is cut short');
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const file = SLAB_FILES[payload[0]];
  const encoding = view.getUint8(1);
  const used = view.getUint32(8, true);
  const bytes = payload.subarray(SLAB_BYTES);
  const isDeflated = encoding === 1;
  if (file === undefined || encoding > 1 || used === 0 || used > EXTENT_BYTES[file]) {
    throw bad('a slab can not be one');
  }
  if (!isDeflated && bytes.length !== used) throw bad('a slab has another length than it says');
  return { file, extent: view.getUint32(4, true), used, isDeflated, bytes };
}

export function readHeader(payload: Uint8Array): SnapshotHeader {
  const header = parse(payload) as Partial<SnapshotHeader>;
  if (header.format !== SNAPSHOT_FORMAT) {
    throw bad(`format ${String(header.format)} is unknown, ${SNAPSHOT_FORMAT} is read`);
  }
  const isValid =
    typeof header.topicId === 'string' &&
    [header.rowFormat, header.partition, header.position, header.epoch].every(
      (value) => Number.isSafeInteger(value) && (value as number) >= 0,
    );
  if (!isValid) throw bad('a field of its header is missing or of the wrong type');
  return header as SnapshotHeader;
}

export function readFooter(payload: Uint8Array): SnapshotFooter {
  return parse(payload) as SnapshotFooter;
}

function parse(payload: Uint8Array): object {
  try {
    const parsed: unknown = JSON.parse(text(payload));
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch (cause) {
    throw bad('its header or footer is not JSON', cause);
  }
  throw bad('its header or footer is no object');
}

export function bad(what: string, cause?: unknown): WeirError {
  return new WeirError('corrupt', `snapshot can't be used: ${what}`, { cause });
}
