// Working memory of one push: the body, the scanners and what they found. Kept and reused, because growing the
// columns anew per push costs as much as the scan. A push holds one only while it is scanned, which for
// all but huge bodies is one turn of the event loop; so one or two exist. What a huge push has grown is
// let go again.
import {
  AcceptedWrite,
  InfluxScan,
  OtlpScan,
  PushKernel,
  RemoteWrite1Scan,
  RemoteWrite2Scan,
} from '@weir/wire';

const KEPT_BYTES_MAX = 16 << 20;
const KEPT_MAX = 4;

export interface PushScratch {
  readonly kernel: PushKernel;
  readonly accepted: AcceptedWrite;
  readonly remoteWrite1: RemoteWrite1Scan;
  readonly remoteWrite2: RemoteWrite2Scan;
  readonly otlp: OtlpScan;
  readonly influx: InfluxScan;
}

export class PushScratches {
  readonly #free: PushScratch[] = [];
  readonly #rewrittenBytesMax: number;

  constructor(rewrittenBytesMax: number) {
    this.#rewrittenBytesMax = rewrittenBytesMax;
  }

  take(): PushScratch {
    const scratch = this.#free.pop() ?? {
      kernel: new PushKernel(),
      accepted: new AcceptedWrite(this.#rewrittenBytesMax),
      remoteWrite1: new RemoteWrite1Scan(),
      remoteWrite2: new RemoteWrite2Scan(),
      otlp: new OtlpScan(),
      influx: new InfluxScan(),
    };
    scratch.accepted.clear();
    return scratch;
  }

  giveBack(scratch: PushScratch): void {
    const retained = scratch.accepted.retainedBytes + scratch.kernel.retainedBytes;
    if (retained > KEPT_BYTES_MAX || this.#free.length >= KEPT_MAX) return;
    scratch.remoteWrite1.release();
    scratch.remoteWrite2.release();
    scratch.otlp.release();
    scratch.influx.release();
    this.#free.push(scratch);
  }
}
