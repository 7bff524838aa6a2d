// Resident memory of a process over a long run: a sample now and then, its trend, and a small plot. A restart
// empties memory, so the trend is that of the peaks between two restarts.
import { readFileSync } from 'node:fs';

const PLOT_ROWS = 8;
const PLOT_COLUMNS = 100;

export interface MemoryTrend {
  /** MiB at the peak of the first and of the last stretch on the fitted line. */
  readonly firstMiB: number;
  readonly lastMiB: number;
  readonly slopeMiBPerHour: number;
}

export class MemoryWatch {
  readonly #pid: () => number | undefined;
  readonly #periodMs: number;
  readonly #samples: { readonly second: number; readonly mib: number; readonly stretch: number }[] =
    [];
  #stretch = 0;
  readonly #from = performance.now();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(pid: () => number | undefined, periodMs = 1000) {
    this.#pid = pid;
    this.#periodMs = periodMs;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sample(), this.#periodMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The process was started again. */
  restarted(): void {
    this.#stretch++;
  }

  get peakMiB(): number {
    return this.peakSinceMiB(0);
  }

  /** Seconds since this watch was made. */
  get now(): number {
    return (performance.now() - this.#from) / 1000;
  }

  peakSinceMiB(second: number): number {
    return Math.max(...this.#samples.filter((s) => s.second >= second).map(({ mib }) => mib));
  }

  get lastMiB(): number {
    return this.#samples.at(-1)?.mib ?? 0;
  }

  #sample(): void {
    const pid = this.#pid();
    if (pid === undefined) return;
    let status: string;
    try {
      status = readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      return; // it is being killed
    }
    const found = /VmRSS:\s+(\d+)/.exec(status);
    if (found === null) return;
    const second = (performance.now() - this.#from) / 1000;
    this.#samples.push({ second, mib: Number(found[1]) / 1024, stretch: this.#stretch });
  }

  /** A line through the peaks of the stretches, without the first one, whose caches are cold. */
  trend(): MemoryTrend | undefined {
    const peaks = [...Array(this.#stretch + 1).keys()].flatMap((stretch) => {
      const own = this.#samples.filter((sample) => sample.stretch === stretch);
      if (stretch === 0 || own.length === 0) return [];
      return [own.reduce((most, sample) => (sample.mib > most.mib ? sample : most))];
    });
    if (peaks.length < 2) return undefined;
    const meanX = peaks.reduce((sum, { second }) => sum + second, 0) / peaks.length;
    const meanY = peaks.reduce((sum, { mib }) => sum + mib, 0) / peaks.length;
    const covariance = peaks.reduce(
      (s, { second, mib }) => s + (second - meanX) * (mib - meanY),
      0,
    );
    const variance = peaks.reduce((s, { second }) => s + (second - meanX) ** 2, 0);
    const slope = covariance / variance;
    const at = (second: number) => meanY + slope * (second - meanX);
    return {
      firstMiB: at(peaks[0]!.second),
      lastMiB: at(peaks.at(-1)!.second),
      slopeMiBPerHour: slope * 3600,
    };
  }

  /** Peak by time, rows of `#` from 0 to the highest value. */
  plot(): string {
    const lastSecond = this.#samples.at(-1)?.second ?? 1;
    const columns = new Float64Array(PLOT_COLUMNS);
    for (const { second, mib } of this.#samples) {
      const column = Math.min(PLOT_COLUMNS - 1, Math.floor((second / lastSecond) * PLOT_COLUMNS));
      columns[column] = Math.max(columns[column]!, mib);
    }
    const top = Math.max(...columns);
    const rows = Array.from({ length: PLOT_ROWS }, (_, row) => {
      const level = (top * (PLOT_ROWS - row - 0.5)) / PLOT_ROWS;
      return [...columns].map((mib) => (mib >= level ? '#' : ' ')).join('');
    });
    rows[0] += ` ${top.toFixed(0)} MiB`;
    rows.push(`${'-'.repeat(PLOT_COLUMNS)} ${(lastSecond / 60).toFixed(1)} min`);
    return rows.join('\n');
  }
}
