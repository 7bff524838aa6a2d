// Walks the frames of a segment file in order, a chunk of about 1 MiB at a time. Behind a damaged stretch
// it looks for the next sound frame: what was acknowledged behind the damage is not given up. It doesn't
// decide what damage means; the callers do.

import type { FileHandle } from './files.ts';
import {
  FRAME_MARK,
  type FrameHeader,
  frameSize,
  newFrameHeader,
  readFrameHeader,
} from './frame.ts';

const CHUNK_BYTES = 1 << 20;

/** `stop` ends the walk in front of this frame; `bad` says that its value is damaged. */
export type Verdict = 'next' | 'stop' | 'bad';

export interface Frame {
  readonly header: FrameHeader;
  /** The read buffer, reused: copy what you keep. */
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Where the frame starts in the file. */
  readonly position: number;
}

export interface WalkEnd {
  /** Behind the last sound frame visited. */
  readonly position: number;
  /** Damaged stretches that sound frames follow. */
  readonly damagedStretches: number;
  /** Bytes behind the last sound frame that are no frames. */
  readonly badTailBytes: number;
}

export async function walkFrames(
  handle: FileHandle,
  from: number,
  limit: number,
  visit: (frame: Frame) => Verdict,
): Promise<WalkEnd> {
  let to = limit;
  const header = newFrameHeader();
  let buffer = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(to - from, 64)));
  let view = new DataView(buffer.buffer);
  let base = from;
  let soundEnd = from;
  let damagedStretches = 0;
  let lost = false;
  while (base < to) {
    const filled = await fill(handle, buffer, base, to);
    // A file that is shorter than it was said to be ends here.
    if (filled < Math.min(buffer.length, to - base)) to = base + filled;
    let at = 0;
    while (at < filled) {
      let found = readFrameHeader(buffer, view, at, filled, header);
      if (found === 'ok' && at + frameSize(header) > filled) found = 'short';
      if (found === 'short') {
        if (base + filled < to) break;
        found = 'bad';
      }
      if (found === 'ok') {
        const verdict = visit({ header, bytes: buffer, at, position: base + at });
        if (verdict === 'stop') return { position: base + at, damagedStretches, badTailBytes: 0 };
        if (verdict === 'next') {
          if (lost) damagedStretches++;
          lost = false;
          at += frameSize(header);
          soundEnd = base + at;
          continue;
        }
      }
      lost = true;
      at = nextMark(buffer, at + 1, filled);
    }
    if (at === 0) {
      buffer = new Uint8Array(Math.min(to - base, Math.max(buffer.length * 2, frameSize(header))));
      view = new DataView(buffer.buffer);
    }
    base += at;
  }
  return { position: soundEnd, damagedStretches, badTailBytes: to - soundEnd };
}

/** The place of the next mark, or of what may be the start of one at the end of the buffer. */
function nextMark(buffer: Uint8Array, from: number, filled: number): number {
  const found = Buffer.from(buffer.buffer, 0, filled).indexOf(FRAME_MARK, from);
  return found >= 0 ? found : Math.max(from, filled - FRAME_MARK.length + 1);
}

async function fill(handle: FileHandle, buffer: Uint8Array, from: number, to: number) {
  const want = Math.min(buffer.length, to - from);
  let filled = 0;
  while (filled < want) {
    const { bytesRead } = await handle.read(buffer, filled, want - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
