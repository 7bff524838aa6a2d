// Weir beside Prometheus's receivers (WEIR_PROMETHEUS): the same series by remote write 1.0, 2.0 and OTLP to
// one server after the other, each on an empty folder. Prints the server's CPU per sample, and the latency
// of pushes at full speed and at half of what Prometheus sustained; without it Weir's alone, at full speed.
// Both first take as many steps at full speed uncounted: servers live long, and until a just-in-time compiler is
// done a quarter of the CPU is its own.
// Needs a build. WEIR_BENCH_PROTOCOL names one of the three, WEIR_NODE_FLAGS are for Weir's process.
//
//   npm run bench -- receivers [SERIES] [STEPS]
import {
  agent,
  CONNECTIONS,
  type Figures,
  lanesOf,
  load,
  PER_REQUEST,
  PROTOCOLS,
  STEP_MS,
  startPrometheus,
  startWeir,
  timesFrom,
} from './receiving-servers.ts';

const SERIES = Number(process.argv[2] ?? 100_000);
const STEPS = Number(process.argv[3] ?? 60);

function report(name: string, { cpuMicros, rate, p50, p99 }: Figures): void {
  const latency = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  console.log(
    `${name}  ${cpuMicros.toFixed(2)} µs CPU a sample, ${Math.round(rate)}/s, ${latency}`,
  );
}

const only = process.env.WEIR_BENCH_PROTOCOL;
const isAlone = !process.env.WEIR_PROMETHEUS;
for (const protocol of PROTOCOLS) {
  if (only !== undefined && only !== protocol.name) continue;
  const sent = { protocol, lanes: lanesOf(protocol, SERIES) };
  const { samples } = sent.lanes[0]![0]!;
  if (samples !== PER_REQUEST) throw new Error(`${protocol.name}: ${samples} samples in a body`);
  const warmMs = Math.floor(Date.now() / STEP_MS - 2 * STEPS - STEPS / 2) * STEP_MS;
  const fullMs = warmMs + STEPS * STEP_MS;
  const halfMs = fullMs + STEPS * STEP_MS;
  const figures: Figures[] = [];
  let gapMs = 0;
  for (const start of isAlone ? [startWeir] : [startPrometheus, startWeir]) {
    const server = await start();
    const name = start === startWeir ? 'Weir' : 'Prometheus';
    try {
      await load(server, sent, timesFrom(warmMs, STEPS), 0);
      const full = await load(server, sent, timesFrom(fullMs, STEPS), 0);
      if (gapMs === 0) gapMs = (2 * CONNECTIONS * PER_REQUEST * 1000) / full.rate;
      figures.push(full);
      report(`${protocol.name}, ${name}, full`, full);
      if (isAlone) continue;
      const half = await load(server, sent, timesFrom(halfMs, STEPS / 2), gapMs);
      report(`${protocol.name}, ${name}, half`, half);
    } finally {
      await server.stop();
    }
  }
  if (isAlone) continue;
  const ratio = (figures[1]!.cpuMicros / figures[0]!.cpuMicros).toFixed(2);
  console.log(`${protocol.name}: Weir / Prometheus  ${ratio}`);
}
agent.destroy();
