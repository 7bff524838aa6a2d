// Notes of a binary operator about pairs of values: of all pairs of a step only the last note is told, as
// Prometheus does. Pairs come row by row, so that notes wait until all rows are through.
import type { Span } from '../parse/ast.ts';
import type { Annotations } from './annotations.ts';

/** Where an operator on values puts what it has to say. */
export interface ValueNotes {
  warn(text: string): void;
  info(text: string): void;
}

export class StepNotes implements ValueNotes {
  /** The step that is being computed. */
  step = 0;
  readonly #last: (readonly ['warn' | 'info', string] | undefined)[];

  constructor(count: number) {
    this.#last = new Array(count);
  }

  warn(text: string): void {
    this.#last[this.step] = ['warn', text];
  }

  info(text: string): void {
    this.#last[this.step] = ['info', text];
  }

  tell(annotations: Annotations, span: Span): void {
    for (const note of this.#last) if (note !== undefined) annotations[note[0]](note[1], span);
  }
}
