// How many samples a query looked at, as Prometheus's statistics count them (`totalQueryableSamples`): of a selector one for each
// step at which a series has a value, of a range-vector function all in each window. What a subquery evaluates inside
// is not counted, its points in windows are; what stands at all steps counts at each; common parts count as often as they occur.
// A native histogram counts as many samples as take the memory that it takes.

export class SampleCounts {
  readonly perStep: Float64Array;

  constructor(steps: number) {
    this.perStep = new Float64Array(steps);
  }

  get total(): number {
    return this.perStep.reduce((sum, count) => sum + count, 0);
  }

  addAt(step: number, samples: number): void {
    this.perStep[step] = this.perStep[step]! + samples;
  }

  add({ perStep }: SampleCounts): void {
    for (let step = 0; step < perStep.length; step++) this.addAt(step, perStep[step]!);
  }

  /** What was evaluated once stands at all steps. */
  addRepeated({ total }: SampleCounts): void {
    for (let step = 0; step < this.perStep.length; step++) this.addAt(step, total);
  }
}
