// When to ask a random expression, and the smallest part of one whose answers still differ.
import { childrenOf, type Expr, parseExpr } from '@weir/promql';
import type { Dice } from '../../simulation/dice.ts';
import { SPAN_MS, START_MS } from './series.ts';
import type { Pair, Times } from './side-by-side.ts';

export function randomTimes(dice: Dice): Times {
  const startMs = START_MS + dice.int(-60, SPAN_MS / 1000) * 1000 + dice.pick([0, 0, 0, 1, 500]);
  if (dice.chance(0.5)) return { atMs: startMs };
  const stepMs = dice.pick([15_000, 30_000, 47_000, 60_000, 300_000, 999]);
  return { startMs, stepMs, endMs: startMs + stepMs * dice.int(0, 20) + dice.pick([0, 0, 500]) };
}

export interface Found {
  readonly expression: string;
  readonly differences: readonly string[];
}

/** Goes down to parts of the expression as long as one of them differs. */
export async function smallest(pair: Pair, expression: string, times: Times): Promise<Found> {
  const differences = await pair.compare(expression, times);
  for (const part of partsOf(expression)) {
    const found = await pair.compare(part, times);
    if (found.length > 0) return smallest(pair, part, times);
  }
  return { expression, differences };
}

function partsOf(expression: string): string[] {
  let expr: Expr;
  try {
    expr = parseExpr(expression);
  } catch {
    return [];
  }
  return childrenOf(expr)
    .filter(({ kind }) => kind !== 'number' && kind !== 'string')
    .map(({ span }) => expression.slice(span.start, span.end))
    .filter((part) => part !== expression);
}
