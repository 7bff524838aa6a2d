// A real Telegraf that reads line protocol from a file and writes it by the outputs it is given; built by the
// peers provider.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TelegrafProcess {
  /** What it logged; for messages of failing tests. */
  readonly log: () => string;
  /** Hands it more lines. */
  add(lines: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Outputs in its configuration's language. */
export async function startTelegraf(outputs: string): Promise<TelegrafProcess> {
  const binary = process.env.WEIR_TELEGRAF;
  if (!binary) throw new Error('WEIR_TELEGRAF is not set: run npm run test:peers');
  const directory = await mkdtemp(join(tmpdir(), 'weir-telegraf-'));
  const input = join(directory, 'input');
  await writeFile(input, '');
  const file = join(directory, 'telegraf.conf');
  await writeFile(file, `${agent(input)}\n${outputs}`);
  const child = spawn(binary, ['--config', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-65_536);
  });
  return {
    log: () => output,
    add: (lines) => appendFile(input, `${lines.join('\n')}\n`),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function agent(input: string): string {
  return `
[agent]
  interval = "1s"
  flush_interval = "200ms"
  omit_hostname = true
[[inputs.tail]]
  files = ["${input}"]
  initial_read_offset = "beginning"
  data_format = "influx"
  path_tag = ""
`;
}
