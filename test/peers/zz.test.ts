import { it } from 'vitest';
import { createDice } from '../simulation/dice.ts';
import { randomSeries } from '../support/random-promql/series.ts';
import { startPair } from '../support/random-promql/side-by-side.ts';

it('x', async () => {
  const { SEED, TIMES, QS, RAW } = process.env;
  const pair = await startPair(randomSeries(createDice(Number(SEED)).fork('series')));
  for (const [i, e] of (QS ?? '').split('|||').entries()) {
    if (e) console.log(e, JSON.stringify(await pair.compare(e, JSON.parse(TIMES!.split('|||')[i] ?? TIMES!.split('|||')[0])), null, 1).slice(0, 2500));
  }
  for (const [i, e] of (RAW ?? '').split('|||').entries()) if (e) for (const a of await pair.ask(e, JSON.parse(TIMES!.split('|||')[i] ?? TIMES!.split('|||')[0]))) console.log(e, JSON.stringify(a).slice(0, 4000));
  await pair.stop();
}, 100000);
