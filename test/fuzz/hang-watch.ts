// Ends the process, and says at what, when one piece of work never comes to its end: a thread of its own looks,
// since a loop that doesn't end lets nothing else run.
import { Worker } from 'node:worker_threads';

const TEXT_MAX_BYTES = 16_384;

const SOURCE = `
const { workerData } = require('node:worker_threads');
const { shared, limitMs } = workerData;
const state = new Int32Array(shared, 0, 2);
const text = Buffer.from(shared, 8);
let seen = -1;
let since = Date.now();
setInterval(() => {
  const now = Atomics.load(state, 0);
  if (now !== seen) { seen = now; since = Date.now(); }
  else if (Date.now() - since > limitMs) {
    const what = Buffer.from(text.subarray(0, Atomics.load(state, 1))).toString('utf8');
    require('node:fs').writeSync(2, 'HANG: ' + JSON.stringify(what) + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
}, 1000);
`;

export interface HangWatch {
  /** The work that begins, in words that repeat it. */
  begin(text: string): void;
  stop(): Promise<void>;
}

export function startHangWatch(limitMs: number): HangWatch {
  const shared = new SharedArrayBuffer(8 + TEXT_MAX_BYTES);
  const state = new Int32Array(shared, 0, 2);
  const bytes = Buffer.from(shared, 8);
  const worker = new Worker(SOURCE, { eval: true, workerData: { shared, limitMs } });
  return {
    begin(text) {
      Atomics.store(state, 1, bytes.write(text));
      Atomics.add(state, 0, 1);
    },
    async stop() {
      await worker.terminate();
    },
  };
}
