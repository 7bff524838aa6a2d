// Warnings and infos of one query, told as Prometheus tells them: each text once, at the place that is
// evaluated last; the repairs of classic histograms as one info.
import type { Span } from '../parse/ast.ts';
import { position } from '../parse/syntax-error.ts';
import { type ForcedBuckets, forcedMonotonicity } from './annotation-texts.ts';

/** A warning or an info, and the place it is about. */
export interface Note {
  readonly isWarning: boolean;
  readonly text: string;
  readonly span: Span;
  /** What was evaluated before it was noted, where that isn't the place itself. */
  readonly after?: Span;
  /** How often it was noted, where that is told. */
  readonly occurrences?: number;
}

interface Place {
  readonly span: Span;
  readonly after: Span;
}

export class Annotations {
  readonly #query: string;
  readonly #warnings = new Map<string, Place>();
  readonly #infos = new Map<string, Place>();
  readonly #counted = new Map<string, { occurrences: number; readonly span: Span }>();
  readonly #forced = new Map<string, { change: ForcedBuckets; span: Span }>();

  constructor(query: string) {
    this.#query = query;
  }

  /** `after`: what was evaluated before, where that isn't what the warning is about. */
  warn(text: string, span: Span, after = span): void {
    note(this.#warnings, text, { span, after });
  }

  info(text: string, span: Span): void {
    note(this.#infos, text, { span, after: span });
  }

  /** A warning that tells how often it was noted, and the place where it was noted first. */
  warnCounting(text: string, span: Span, occurrences = 1): void {
    const known = this.#counted.get(text);
    if (known === undefined) this.#counted.set(text, { occurrences, span });
    else known.occurrences += occurrences;
  }

  /** Cumulative buckets that had to be raised, by metric name. */
  force(change: ForcedBuckets, name: string, span: Span): void {
    const known = this.#forced.get(name);
    if (known === undefined) this.#forced.set(name, { change, span });
    else {
      known.change = joined(known.change, change);
      if (isLater(known.span, span)) known.span = span;
    }
  }

  /** To be told elsewhere by replay(); without repairs, which parts of a plan don't make. */
  get notes(): Note[] {
    const told = (isWarning: boolean, notes: ReadonlyMap<string, Place>) =>
      [...notes].map(([text, place]) => ({ isWarning, text, ...place }));
    const counted = [...this.#counted].map(([text, more]) => ({ isWarning: true, text, ...more }));
    return [...told(true, this.#warnings), ...counted, ...told(false, this.#infos)];
  }

  replay(notes: readonly Note[]): void {
    for (const { isWarning, text, span, after, occurrences } of notes) {
      if (occurrences !== undefined) this.warnCounting(text, span, occurrences);
      else if (isWarning) this.warn(text, span, after);
      else this.info(text, span);
    }
  }

  get warnings(): string[] {
    const all = spansOf(this.#warnings);
    for (const [text, { occurrences, span }] of this.#counted) {
      all.set(occurrences > 1 ? `${text} (${occurrences} occurrences)` : text, span);
    }
    return this.#print('warning', all);
  }

  get infos(): string[] {
    const all = spansOf(this.#infos);
    for (const [name, { change, span }] of this.#forced) {
      all.set(forcedMonotonicity(change, name), span);
    }
    return this.#print('info', all);
  }

  #print(kind: 'warning' | 'info', notes: ReadonlyMap<string, Span>): string[] {
    return [...notes].map(
      ([text, { start }]) => `PromQL ${kind}: ${text} (${position(this.#query, start)})`,
    );
  }
}

function note(notes: Map<string, Place>, text: string, place: Place): void {
  const known = notes.get(text);
  if (known === undefined || isLater(place.after, known.after)) notes.set(text, place);
}

function spansOf(notes: ReadonlyMap<string, Place>): Map<string, Span> {
  return new Map([...notes].map(([text, { span }]) => [text, span]));
}

/** Operands come before what they are operands of, from left to right. */
function isLater(a: Span, b: Span): boolean {
  return a.end === b.end ? a.start < b.start : a.end > b.end;
}

function joined(a: ForcedBuckets, b: ForcedBuckets): ForcedBuckets {
  return {
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
    maxDifference: Math.max(a.maxDifference, b.maxDifference),
    samples: a.samples + b.samples,
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
  };
}
