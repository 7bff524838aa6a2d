// Natural order of texts, as sort_by_label() has it: runs of digits by their number, all else by its bytes.
import { compareTexts } from '@weir/bytes';

/** Longer runs of digits are compared as text: they may be no 64-bit number. */
const DIGITS_MAX = 18;

/** Nothing comes before, or after, an empty text: 0. */
export function compareNaturally(a: string, b: string): number {
  if (a === '' || b === '') return 0;
  const [left, right] = [runsOf(a), runsOf(b)];
  for (const [at, run] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    const order =
      isNumber(run) && isNumber(other) ? compareNumbers(run, other) : compareTexts(run, other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function runsOf(text: string): readonly string[] {
  return text.match(/[0-9]+|[^0-9]+/g) ?? [];
}

function isNumber(run: string): boolean {
  return run.length <= DIGITS_MAX && run[0]! >= '0' && run[0]! <= '9';
}

function compareNumbers(a: string, b: string): number {
  const [left, right] = [BigInt(a), BigInt(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
