// Inputs of a head for tests, as plain data, and who feeds them: records with floats, histograms,
// exemplars, staleness markers and created timestamps, and commands.
import { encodeHistogram } from '@weir/wire/log-record';
import type { PartitionHead, TenantSettings, TenantWindow } from './head.ts';
import { exemplarBytes, message, record, seriesMessage } from './records/record-fixture.ts';
import { emptyHistogram } from './series/histograms.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = 1000 * HOUR;
export const TENANTS = ['one', 'two'];

export type Part =
  | { readonly kind: 'float'; readonly backMs: number; readonly v: number }
  | { readonly kind: 'histogram'; readonly backMs: number; readonly v: number }
  | { readonly kind: 'stale'; readonly backMs: number };

export type Input =
  | {
      readonly kind: 'record';
      readonly tenant: number;
      /** How far the clock of samples goes on before the record. */
      readonly aheadMs: number;
      /** How far the record's own timestamp is behind that clock. */
      readonly stampedBackMs: number;
      readonly createdMs: number;
      readonly all: readonly (readonly [series: number, parts: readonly Part[]])[];
    }
  | { readonly kind: 'poison'; readonly tenant: number; readonly bytes: Uint8Array }
  | { readonly kind: 'metadata'; readonly tenant: number; readonly help: number }
  | { readonly kind: 'settings'; readonly tenant: number; readonly settings: TenantSettings }
  | { readonly kind: 'cut'; readonly all: boolean }
  | { readonly kind: 'early'; readonly tenant: number; readonly idleMs: number }
  | { readonly kind: 'drop'; readonly windows: number }
  | { readonly kind: 'park'; readonly tenant: number; readonly ahead: number }
  | { readonly kind: 'skip'; readonly records: number }
  | { readonly kind: 'shipped'; readonly tenant: number; readonly backMs: number };

const STALE_BYTES = Uint8Array.of(2, 0, 0, 0, 0, 0, 0xf0, 0x7f);

function floats(parts: readonly Part[], now: number): Uint8Array {
  const request = seriesMessage(
    { a: 'b' },
    {
      samples: parts.flatMap((one): [number, number][] =>
        one.kind === 'histogram' ? [] : [[now - one.backMs, one.kind === 'float' ? one.v : 0.5]],
      ),
    },
  );
  // Where the marker stands for a number that JavaScript would not keep.
  const half = new Uint8Array(Float64Array.of(0.5).buffer);
  for (let at = 0; at + 8 <= request.length; at++) {
    if (half.every((byte, offset) => request[at + offset] === byte)) request.set(STALE_BYTES, at);
  }
  const bodyAt = request.length < 130 ? 2 : 3;
  return request.subarray(bodyAt + 8);
}

function seriesOf(index: number, parts: readonly Part[], now: number, createdMs: number) {
  const histograms = parts.flatMap((one) => {
    if (one.kind !== 'histogram') return [];
    const histogram = { ...emptyHistogram(one.v === 3, false), count: one.v, zeroCount: one.v };
    return [encodeHistogram({ t: now - one.backMs, startT: 0, histogram })];
  });
  const created = createdMs === 0 ? {} : { createdMs: now - createdMs };
  const exemplars = parts.map((one) => exemplarBytes({ id: one.kind }, now - one.backMs, 1));
  const whole = seriesMessage(
    { __name__: `m${index % 3}`, i: String(index) },
    { histograms, exemplars, ...created },
  );
  const body = whole.subarray(whole.length < 130 ? 2 : 3);
  return message(0x0a, body, floats(parts, now));
}

/** Applies inputs; windows that were cut are kept, so that a drop names one of them. */
export class Feeder {
  readonly head: PartitionHead;
  readonly cut: TenantWindow[];
  now: number;
  /** Steps of the last drop that were not taken yet. */
  #steps: Iterator<void> | undefined;
  readonly #dropsInSteps: boolean;

  constructor(
    head: PartitionHead,
    dropsInSteps: boolean,
    before: { readonly cut: readonly TenantWindow[]; readonly now: number } | undefined,
  ) {
    this.head = head;
    this.#dropsInSteps = dropsInSteps;
    this.cut = [...(before?.cut ?? [])];
    this.now = before?.now ?? START;
  }

  take(one: Input): void {
    const { head } = this;
    const { position } = head;
    if (one.kind === 'settings') head.configure(TENANTS[one.tenant], one.settings);
    else if (one.kind === 'cut') this.cut.push(...head.cutDue(one.all));
    else if (one.kind === 'early') {
      for (const _ of head.prepareEarlyCut(TENANTS[one.tenant]));
      this.cut.push(...head.cutEarly(TENANTS[one.tenant], one.idleMs));
    } else if (one.kind === 'drop') {
      for (const window of this.cut.splice(0, one.windows)) this.#drop(window);
    } else if (one.kind === 'park') head.park(TENANTS[one.tenant], position + one.ahead);
    else if (one.kind === 'skip') head.apply([], position + one.records);
    else if (one.kind === 'shipped') {
      const minT = Math.floor((this.now - one.backMs) / (2 * HOUR)) * 2 * HOUR;
      const window = { minT, maxT: minT + 2 * HOUR, throughOffset: position + 2 };
      head.markShipped([{ tenant: TENANTS[one.tenant], ...window }]);
    } else {
      const applied = record(position, this.#bytes(one), TENANTS[one.tenant]);
      const back = one.kind === 'record' ? one.stampedBackMs : 0;
      head.apply([{ ...applied, timestampMs: this.now - back }], position + 1);
    }
  }

  #drop(window: TenantWindow): void {
    if (!this.#dropsInSteps) this.head.drop(window);
    else this.#steps = this.head.dropSteps(window)[Symbol.iterator]();
  }

  /** One step of a drop under way. */
  step(): void {
    if (this.#steps?.next().done) this.#steps = undefined;
  }

  #bytes(one: Extract<Input, { readonly kind: 'record' | 'poison' | 'metadata' }>): Uint8Array {
    if (one.kind === 'poison') return one.bytes;
    if (one.kind === 'metadata') {
      const name = Buffer.from('m1');
      return message(0x1a, message(0x12, name), message(0x22, Buffer.from(`help ${one.help}`)));
    }
    this.now += one.aheadMs;
    return Buffer.concat(one.all.map(([i, parts]) => seriesOf(i, parts, this.now, one.createdMs)));
  }
}
