// Pushes beside queries, Weir after Prometheus (WEIR_PROMETHEUS; else Weir alone), each on an empty folder: 100 k
// series at full speed, then pushes at 30 % of that rate alone, and while rates of a tenth of them are summed again
// and again.
// Prints the latency of pushes in both, how long the query takes, and what resident memory grows by while it does.
// Needs a build.
//
//   npm run bench -- busy [SERIES] [STEPS]
import { readFileSync, writeFileSync } from 'node:fs';
import {
  agent,
  CONNECTIONS,
  lanesOf,
  load,
  PER_REQUEST,
  PROTOCOLS,
  type ReceivingServer,
  STEP_MS,
  startPrometheus,
  startWeir,
  timesFrom,
} from './receiving-servers.ts';

const SERIES = Number(process.argv[2] ?? 100_000);
const STEPS = Number(process.argv[3] ?? 100);
const SHARE = 0.3;
const PACED_STEPS = 12;
/** Queries before those that count: servers live long. */
const WARM_QUERIES = 10;
const MIB = 1024 * 1024;
const PARTS = [0, 1, 2].map((at) => {
  const name = `http_server_request_duration_seconds_${at}`;
  return `sum by (status_code) (rate(${name}[5m]))`;
});
const QUERY = PARTS.join(' + ');
const protocol = PROTOCOLS[0]!;

/** A line of /proc/PID/status, bytes. */
function memoryOf({ pid }: ReceivingServer, line: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${line}:\\s+(\\d+)`, 'm').exec(status)![1]) * 1024;
}

/** Asks until it is told to stop; returns how long each answer took, ms. */
async function query(
  server: ReceivingServer,
  fromMs: number,
  untilMs: number,
  isOver: () => boolean,
) {
  const times = { start: String(fromMs / 1000), end: String(untilMs / 1000), step: '15' };
  const url = `${server.queryBase}/api/v1/query_range?${new URLSearchParams({ query: QUERY, ...times })}`;
  const took: number[] = [];
  while (!isOver()) {
    const started = performance.now();
    const answer = await fetch(url);
    const text = await answer.text();
    if (!answer.ok || !text.includes('"values"')) throw new Error(`${url}: ${text.slice(0, 200)}`);
    took.push(performance.now() - started);
  }
  return took.sort((a, b) => a - b);
}

const lanes = lanesOf(protocol, SERIES);
const firstMs = Math.floor(Date.now() / STEP_MS - STEPS - 2 * PACED_STEPS) * STEP_MS;
const fullMs = firstMs + STEPS * STEP_MS;
const pacedMs = fullMs + PACED_STEPS * STEP_MS;
for (const start of process.env.WEIR_PROMETHEUS ? [startPrometheus, startWeir] : [startWeir]) {
  const server = await start();
  const name = start === startWeir ? 'Weir' : 'Prometheus';
  try {
    const sent = { protocol, lanes };
    const { rate } = await load(server, sent, timesFrom(firstMs, STEPS), 0);
    const gapMs = (CONNECTIONS * PER_REQUEST * 1000) / rate / SHARE;
    let asked = 0;
    await query(server, firstMs, fullMs, () => asked++ === WARM_QUERIES);
    const alone = await load(server, sent, timesFrom(fullMs, PACED_STEPS), gapMs);
    writeFileSync(`/proc/${server.pid}/clear_refs`, '5');
    const before = memoryOf(server, 'VmRSS');
    let isOver = false;
    const querying = query(server, firstMs, fullMs, () => isOver);
    const beside = await load(server, sent, timesFrom(pacedMs, PACED_STEPS), gapMs);
    isOver = true;
    const took = await querying;
    const grown = (memoryOf(server, 'VmHWM') - before) / MIB;
    console.log(
      `${name}  ${Math.round(rate)}/s full; at ${SHARE * 100} % of it p99 ${alone.p99.toFixed(1)} ms alone,` +
        ` ${beside.p99.toFixed(1)} ms (${(beside.p99 / alone.p99).toFixed(2)}×) beside ${took.length} queries of` +
        ` ${Math.round(took[took.length >> 1]!)} ms, p50 ${alone.p50.toFixed(1)} and ${beside.p50.toFixed(1)} ms;` +
        ` ${Math.round(before / MIB)} MiB resident, at most ${Math.round(grown)} MiB more`,
    );
  } finally {
    await server.stop();
  }
}
agent.destroy();
