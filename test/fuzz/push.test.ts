// Mutated pushes of each protocol against the whole distributor, in process: whatever is sent gets a 2xx or a 4xx
// with a text, in bounded time, what reaches the log is what an ingester and another decoder can read, and good
// pushes are still taken. `npm run fuzz` runs more of them, one protocol after the other.
import { createHash } from 'node:crypto';
import { seededRandom, systemClock } from '@weir/runtime';
import { expect, it } from 'vitest';
import { PROTOCOLS } from './corpus.ts';
import { mutate, pick } from './mutate.ts';
import { createTarget } from './target.ts';

const COUNT = Number(process.env.WEIR_FUZZ_COUNT ?? 10_000);
const SEED = Number(process.env.WEIR_FUZZ_SEED ?? 20_261_121);
const ONLY = process.env.WEIR_FUZZ_PROTOCOL ?? '';
/** CPU time, so that a pause of the machine is no fault. */
const ANSWER_MAX_MS = 2_000;
/** A new distributor and head after so many pushes, with other settings. */
const ROUND = 1_250;

const names = Object.keys(PROTOCOLS).filter((name) => ONLY === '' || name === ONLY);

it.each(names)(
  `%s: ${COUNT} mutated pushes, seed ${SEED}`,
  { timeout: 7_200_000 },
  async (name) => {
    const protocol = PROTOCOLS[name]!;
    const { bodies, send } = protocol;
    const random = seededRandom(SEED + createHash('md5').update(name).digest().readUInt16LE());
    const words = protocol.words.map((word) => Buffer.from(word));
    const mutations = { random, others: bodies, words, isProtobuf: protocol.isProtobuf };
    const statuses = new Map<number, number>();
    const startedMs = systemClock.steadyMs();
    let target = await createTarget(0);
    let records = 0;
    let slowestMs = 0;
    for (let count = 1; count <= COUNT; count++) {
      const body = mutate(pick(random, bodies), mutations);
      const before = process.cpuUsage();
      const { status, text } = await send(target.distributor, body);
      const { user, system } = process.cpuUsage(before);
      slowestMs = Math.max(slowestMs, (user + system) / 1000);
      const isGood = status === 200 || status === 204;
      if (!isGood && !(status >= 400 && status < 500 && text.trim() !== '')) {
        throw new Error(`push ${count}: ${status} '${text}' for ${body.toString('hex')}`);
      }
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (count % 64 === 0) await systemClock.yield();
      if (count % ROUND !== 0 && count !== COUNT) continue;
      records += target.records();
      target = await createTarget(Math.floor(count / ROUND));
    }
    for (const body of bodies) {
      expect((await send((await createTarget(0)).distributor, body)).status).toBeOneOf([
        200, 204, 400,
      ]);
    }
    const seen = [...statuses].map(([status, number]) => `${status}: ${number}`).join(', ');
    const seconds = (systemClock.steadyMs() - startedMs) / 1000;
    const rssMiB = process.resourceUsage().maxRSS / 1024;
    process.stdout.write(
      `${name}: seed ${SEED}, ${COUNT} pushes, ${seen}; ${records} records; slowest ${slowestMs.toFixed(0)} ms CPU; ${seconds.toFixed(0)} s; peak RSS ${rssMiB.toFixed(0)} MiB\n`,
    );
    expect(slowestMs).toBeLessThan(ANSWER_MAX_MS);
    expect(records).toBeGreaterThan(COUNT / 100);
    expect(statuses.get(400) ?? 0).toBeGreaterThan(COUNT / 100);
  },
);
