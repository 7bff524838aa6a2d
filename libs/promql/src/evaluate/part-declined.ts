// Thrown inside where an owner of series can't answer a part of a plan, or two of them have the same series:
// the query is then evaluated again from the series themselves. No error that anybody sees.
export class PartDeclined extends Error {
  constructor(why: string) {
    super(`a part of the query was not evaluated where its series are: ${why}`);
    this.name = 'PartDeclined';
  }
}
