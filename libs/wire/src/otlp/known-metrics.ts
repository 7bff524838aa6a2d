// The metrics that the point kernel knows, by what stands around their points (an entry of the kernel's
// memory each, as kernel/point-kernel.as has them), and where it stands in which request their metadata was told.
import { hashBytes } from '@weir/bytes';
import { FieldReader, WIRE_LENGTH } from '../protobuf/field-reader.ts';
import type { KernelMemory } from '../push-kernel/kernel-memory.ts';
import type { MetricNames } from './metric-table.ts';

const SLOTS = 8192;
const ENTRIES_MAX = SLOTS / 2;
const ENTRY_BYTES = 76;
const SETTINGS_MAX_BYTES = 8;
/** Tags of numbers of one byte that may stand before the points. */
const SETTING_TAGS = new Set([0x10, 0x18]);
const SLACK_BYTES = 16;
const DATA_TAGS = new Set([0x2a, 0x3a, 0x4a]);

export interface KnownMetric {
  readonly names: MetricNames;
  /** The label of its name, whole; of a classic histogram those of its sums, counts and buckets. */
  readonly labels: readonly Uint8Array[];
  /** Of the longest of them. */
  readonly nameSize: number;
  readonly startsAreTold: boolean;
  /** Its metadata as a run, and its family in there. */
  readonly run: Uint8Array;
  readonly familyFrom: number;
  readonly familySize: number;
}

export class KnownMetrics {
  readonly tableAt: number;
  readonly slots: number = SLOTS;
  readonly #memory: KernelMemory;
  readonly #from: number;
  readonly #end: number;
  readonly #told = new Map<MetricNames, number>();
  #at: number;
  #count = 0;
  #isFull = false;

  /** In the memory's bytes [from, end). */
  constructor(memory: KernelMemory, from: number, end: number) {
    this.#memory = memory;
    this.tableAt = Math.ceil(from / 8) * 8;
    this.#from = this.tableAt + SLOTS * 4;
    this.#end = end;
    this.#at = this.#from;
    this.clear();
  }

  clear(): void {
    this.#memory.words.fill(0, this.tableAt / 4, this.#from / 4);
    this.#told.clear();
    this.#at = this.#from;
    this.#count = 0;
    this.#isFull = false;
  }

  /** Something was left out for want of room. */
  get isFull(): boolean {
    return this.#isFull;
  }

  isTold(names: MetricNames, request: number): boolean {
    const at = this.#told.get(names);
    return at !== undefined && this.#memory.words[at / 4] === request;
  }

  tell(names: MetricNames, request: number): void {
    const at = this.#told.get(names);
    if (at !== undefined) this.#memory.words[at / 4] = request;
  }

  /** From now on the kernel takes metrics that look like bytes[from, to), where that is possible. */
  add(bytes: Uint8Array, from: number, to: number, metric: KnownMetric): void {
    const outline = outlineOf(bytes, from, to);
    if (outline === undefined) return;
    const { headerTo, tag, settings } = outline;
    const header = bytes.subarray(from, headerTo);
    const { labels, run } = metric;
    let size = ENTRY_BYTES + 8 + header.length + run.length + 8 * SLACK_BYTES;
    for (const label of labels) size += label.length;
    if (this.#at + size > this.#end || this.#count >= ENTRIES_MAX) {
      this.#isFull = true;
      return;
    }
    const told = this.#toldAt(metric.names);
    const entry = this.#at;
    this.#at += ENTRY_BYTES;
    const headerAt = this.#put(header);
    const [first = 0, second = 0, third = 0] = labels.map((label) => this.#put(label));
    const [firstSize = 0, secondSize = 0, thirdSize = 0] = labels.map(({ length }) => length);
    const runAt = this.#put(run);
    const { words } = this.#memory;
    words.set([headerAt, header.length, tag, settings.length], entry / 4);
    words.set([first, firstSize, metric.nameSize, metric.startsAreTold ? 1 : 0], entry / 4 + 6);
    words.set(
      [told, runAt, run.length, runAt + metric.familyFrom, metric.familySize],
      entry / 4 + 10,
    );
    words.set([second, secondSize, third, thirdSize], entry / 4 + 15);
    this.#memory.bytes.set(settings, entry + 16);
    let slot = hashBytes(header, 0, header.length, tag) & (SLOTS - 1);
    while (words[this.tableAt / 4 + slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    words[this.tableAt / 4 + slot] = entry;
    this.#count++;
  }

  #toldAt(names: MetricNames): number {
    let at = this.#told.get(names);
    if (at === undefined) {
      at = this.#at;
      this.#at += 4;
      this.#memory.words[at / 4] = names.toldIn;
      this.#told.set(names, at);
    }
    return at;
  }

  #put(text: Uint8Array): number {
    const at = this.#at;
    this.#memory.bytes.set(text, at);
    this.#at = Math.ceil((at + text.length + SLACK_BYTES) / 4) * 4;
    return at;
  }
}

/** Of a metric that has its name, help and unit first, then its points and little else there; else undefined. */
function outlineOf(bytes: Uint8Array, from: number, to: number) {
  const field = new FieldReader().reset(bytes, from, to);
  while (field.next()) {
    if (field.field <= 3 && field.wireType === WIRE_LENGTH) continue;
    const tag = bytes[field.tagFrom]!;
    if (!DATA_TAGS.has(tag) || field.to !== to) return undefined;
    const headerTo = field.tagFrom;
    let pointsFrom = field.from;
    while (SETTING_TAGS.has(bytes[pointsFrom]!) && bytes[pointsFrom + 1]! < 128) pointsFrom += 2;
    const points = new FieldReader().reset(bytes, pointsFrom, to);
    let tailFrom = pointsFrom;
    while (points.next() && points.field === 1) tailFrom = points.to;
    const settings = [...bytes.subarray(field.from, pointsFrom), ...bytes.subarray(tailFrom, to)];
    if (settings.length > SETTINGS_MAX_BYTES || tailFrom === pointsFrom) return undefined;
    return { headerTo, tag, settings };
  }
  return undefined;
}
