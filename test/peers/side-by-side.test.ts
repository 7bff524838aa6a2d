// Random expressions over random series, answered by Weir and by a real Prometheus 3: values, warnings, infos
// and errors must be the same. WEIR_PEER_EXPRESSIONS says how many, WEIR_PEER_SEED where chance begins; a
// difference is told with its seed, its number, its times and the smallest part that still differs.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDice } from '../simulation/dice.ts';
import { randomExpression } from '../support/random-promql/expressions.ts';
import { randomSeries } from '../support/random-promql/series.ts';
import { type Pair, startPair } from '../support/random-promql/side-by-side.ts';
import { randomTimes, smallest } from '../support/random-promql/smallest.ts';

const SEED = Number(process.env.WEIR_PEER_SEED ?? 7);
const EXPRESSIONS = Number(process.env.WEIR_PEER_EXPRESSIONS ?? 500);
/** Enough to see what is wrong. */
const DIFFERENCES_MAX = 20;

let pair: Pair;

beforeAll(async () => {
  pair = await startPair(randomSeries(createDice(SEED).fork('series')));
});

afterAll(() => pair?.stop());

it(`${EXPRESSIONS} expressions of seed ${SEED} are answered as by Prometheus`, async () => {
  const dice = createDice(SEED);
  const found: string[] = [];
  for (let number = 0; number < EXPRESSIONS && found.length < DIFFERENCES_MAX; number++) {
    const of = dice.fork(String(number));
    const expression = randomExpression(of);
    const times = randomTimes(of);
    if ((await pair.compare(expression, times)).length === 0) continue;
    const { expression: part, differences } = await smallest(pair, expression, times);
    const where = `seed ${SEED}, number ${number}, ${JSON.stringify(times)}`;
    found.push(`${where}: ${expression}\n  ${part}\n    ${differences.slice(0, 3).join('\n    ')}`);
  }
  expect(found.join('\n')).toBe('');
});
