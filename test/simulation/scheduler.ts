// Virtual time. Everything that happens in the simulated world is an event here; the seed decides how
// long each takes and which of those due at the same moment comes first. Between two events all promises
// that can settle do, so that nothing depends on real time. The trace is every event in order.
import type { Timer } from '@weir/runtime';
import type { Dice } from './dice.ts';

/** Whoever an event belongs to: the events of a dead one never happen, those of a paused one wait. */
export interface Actor {
  readonly name: string;
  readonly alive: boolean;
  /** No event of it happens before this moment. */
  readonly pausedUntilMs: number;
}

interface Event {
  atMs: number;
  readonly order: number;
  readonly actor: Actor | undefined;
  readonly label: string;
  readonly run: () => void;
  canceled: boolean;
}

const TAIL_LINES = 250;
/** So many turns of Node's loop are asked for at once: each asked for alone would poll the machine's files. */
const TURNS = 64;

export class Scheduler {
  nowMs: number;
  events = 0;
  /** Real work under way (a store on disk); time stands still until it is done. */
  pendingReal = 0;
  readonly #heap: Event[] = [];
  readonly #dice: Dice;
  /** Made into text only when it is asked for, as most runs end well. */
  readonly #tail: { readonly atMs: number; readonly line: string }[] = [];
  #hash = 0x811c9dc5;
  #print: ((line: string) => void) | undefined;
  readonly startMs: number;
  #realDone: (() => void) | undefined;
  #turns = 0;
  #onTurn: (() => void) | undefined;

  constructor(startMs: number, dice: Dice, print?: (line: string) => void) {
    this.nowMs = startMs;
    this.startMs = startMs;
    this.#dice = dice;
    this.#print = print;
  }

  after(delayMs: number, actor: Actor | undefined, label: string, run: () => void): Timer {
    const order = this.#dice.int(0, 0x7fffffff);
    const atMs = this.nowMs + Math.max(0, delayMs);
    const event = { atMs, order, actor, label, run, canceled: false };
    this.#push(event);
    return {
      cancel: () => {
        event.canceled = true;
      },
    };
  }

  sleep(delayMs: number, actor: Actor | undefined, label: string): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, actor, label, resolve));
  }

  /** Lets the world run until the moment, or until `done` says so. */
  async runUntil(atMs: number, done?: () => boolean): Promise<void> {
    await this.#settle();
    while (!done?.()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > atMs) break;
      this.#pop();
      const { actor } = next;
      if (next.canceled || actor?.alive === false) continue;
      if (actor !== undefined && actor.pausedUntilMs > next.atMs) {
        next.atMs = actor.pausedUntilMs;
        this.#push(next);
        continue;
      }
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.events++;
      this.note(actor === undefined ? next.label : `${actor.name} ${next.label}`);
      next.run();
      await this.#settle();
    }
    if (!done?.()) this.nowMs = Math.max(this.nowMs, atMs);
  }

  /** A line of the trace. */
  note(line: string): void {
    let hash = this.#hash;
    for (let at = 0; at < line.length; at++) {
      hash = Math.imul(hash ^ line.charCodeAt(at), 0x01000193);
    }
    this.#hash = Math.imul(hash ^ (this.nowMs - this.startMs), 0x01000193);
    const atMs = this.nowMs - this.startMs;
    this.#print?.(printed(atMs, line));
    this.#tail.push({ atMs, line });
    if (this.#tail.length > 2 * TAIL_LINES) this.#tail.splice(0, TAIL_LINES);
  }

  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  get traceTail(): readonly string[] {
    return this.#tail.slice(-TAIL_LINES).map(({ atMs, line }) => printed(atMs, line));
  }

  /** Work of the real disk: the world waits for it, so that its speed changes nothing. */
  async real<T>(work: Promise<T>): Promise<T> {
    this.pendingReal++;
    try {
      return await work;
    } finally {
      this.pendingReal--;
      if (this.pendingReal === 0) this.#realDone?.();
    }
  }

  async #settle(): Promise<void> {
    await this.#turn();
    while (this.pendingReal > 0) {
      await new Promise<void>((resolve) => {
        this.#realDone = resolve;
      });
      await this.#turn();
    }
  }

  /** Node settles all promises that can before the next turn. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#onTurn = resolve;
      if (this.#turns > 0) return;
      this.#turns = TURNS;
      for (let left = TURNS; left > 0; left--) setImmediate(this.#next);
    });
  }

  readonly #next = (): void => {
    this.#turns--;
    const resolve = this.#onTurn;
    this.#onTurn = undefined;
    resolve?.();
  };

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function printed(atMs: number, line: string): string {
  return `${(atMs / 1000).toFixed(3)} ${line}`;
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
