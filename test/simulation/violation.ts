// What a checker throws: an invariant (its number in the design) that does not hold.
export class Violation extends Error {
  readonly invariant: number;

  constructor(invariant: number, checker: string, message: string) {
    super(`invariant ${invariant} (${checker}): ${message}`);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}
