// A Kafka broker for a benchmark, in a process of its own, so that its time isn't counted as the benchmark's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export async function startKafkaProcess() {
  const child = spawn(process.execPath, ['test/bench/servers/kafka.mjs'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const stop = async () => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  };
  return { brokers: line.toString().trim(), pid: child.pid!, stop };
}
