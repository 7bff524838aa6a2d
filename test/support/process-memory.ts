// Resident memory of a process, now and at its peak, from the kernel.
import { readFileSync, writeFileSync } from 'node:fs';

export interface ProcessMemory {
  readonly nowMiB: number;
  /** Since the start, or since the last forgetPeak(). */
  readonly peakMiB: number;
}

export function memoryOf(pid: number): ProcessMemory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  return { nowMiB: mib('VmRSS'), peakMiB: mib('VmHWM') };
}

/** The peak counts from here on. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
