// Working memory of one push: the decompressed body, the scanners, what they found. Kept and reused,
// because allocating half a megabyte per push costs more than scanning it. A push holds one only while
// it is decoded and scanned, which for all but huge bodies is one turn of the event loop; so one or two
// exist. What a huge push has grown is let go again.
import { AcceptedWrite, RemoteWrite1Scan, RemoteWrite2Scan } from '@weir/wire';

const BODY_MIN = 1 << 20;
const KEPT_BODY_MAX = 8 << 20;
const KEPT_MAX = 4;
/** Spare bytes behind the body, so that no reader ever touches the array's end. */
const SLACK = 16;

export interface PushScratch {
  body: Uint8Array;
  readonly accepted: AcceptedWrite;
  readonly remoteWrite1: RemoteWrite1Scan;
  readonly remoteWrite2: RemoteWrite2Scan;
}

export class PushScratches {
  readonly #free: PushScratch[] = [];
  readonly #rewrittenBytesMax: number;

  constructor(rewrittenBytesMax: number) {
    this.#rewrittenBytesMax = rewrittenBytesMax;
  }

  take(bodySizeBytes: number): PushScratch {
    const scratch = this.#free.pop() ?? {
      body: new Uint8Array(0),
      accepted: new AcceptedWrite(this.#rewrittenBytesMax),
      remoteWrite1: new RemoteWrite1Scan(),
      remoteWrite2: new RemoteWrite2Scan(),
    };
    if (scratch.body.length < bodySizeBytes + SLACK) {
      scratch.body = new Uint8Array(Math.max(BODY_MIN, bodySizeBytes + SLACK));
    }
    scratch.accepted.clear();
    return scratch;
  }

  giveBack(scratch: PushScratch): void {
    const size = scratch.body.length + scratch.accepted.retainedBytes;
    if (size > KEPT_BODY_MAX || this.#free.length >= KEPT_MAX) return;
    scratch.remoteWrite1.release();
    scratch.remoteWrite2.release();
    this.#free.push(scratch);
  }
}
