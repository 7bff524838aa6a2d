// The operator's tool: one command on a cluster, over HTTP, from anywhere that reaches its processes.
import { isKind } from '@weir/errors';
import type { Clock } from '@weir/runtime';
import { type Command, HELP, type ParsedArguments, parseArguments } from './arguments.ts';
import { drain, lock, scale, undrain } from './changes.ts';
import { type ClusterApi, createClusterApi, type Fetch } from './cluster-api.ts';
import { partitionLines } from './partition-table.ts';
import { createScreen, type Screen } from './screen.ts';

const DEFAULT_ADDRESS = 'http://localhost:8080';
const DONE = 0;
const FAILED = 1;
const MISUSED = 2;

export interface WeirctlParts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** What is written is seen by a person at once. */
  readonly terminal: boolean;
  /** WEIR_ADDRESS; empty for none. */
  readonly address: string;
  /** Aborted when the person has had enough. */
  readonly signal: AbortSignal;
}

/** Returns the exit code. */
export async function runWeirctl(argv: readonly string[], parts: WeirctlParts): Promise<number> {
  let parsed: ParsedArguments;
  try {
    parsed = parseArguments(argv, parts.address || DEFAULT_ADDRESS);
  } catch (error) {
    parts.writeError(`${messageOf(error)}\n`);
    return MISUSED;
  }
  const screen = createScreen(parts.write, parts.terminal);
  try {
    await run(parsed.command, createClusterApi(parsed.address, parts), screen, parts);
    return DONE;
  } catch (error) {
    if (parts.signal.aborted && !isKind(error, 'invalid')) return DONE;
    parts.writeError(`${parts.terminal ? '\n' : ''}weirctl: ${messageOf(error)}\n`);
    return FAILED;
  }
}

async function run(
  command: Command,
  api: ClusterApi,
  screen: Screen,
  parts: WeirctlParts,
): Promise<void> {
  const { clock, signal, write } = parts;
  const changing = { api, screen, clock, signal };
  switch (command.kind) {
    case 'help':
      write(HELP);
      return;
    case 'list': {
      const state = await api.state();
      if (command.json) write(`${JSON.stringify(state, undefined, 2)}\n`);
      else write(`${partitionLines(state).join('\n')}\n`);
      return;
    }
    case 'watch':
      return watch(command.intervalMs, api, screen, parts);
    case 'scale':
      return scale(command.to, command.waitMs, changing);
    case 'drain':
      if (command.undo) return undrain(command.instance, changing);
      return drain(command.instance, command.waitMs, changing);
    case 'lock':
      return lock(command.partitions, command.locked, changing);
  }
}

/** Until it is ended. A process that doesn't answer once is asked again. */
async function watch(
  intervalMs: number,
  api: ClusterApi,
  screen: Screen,
  { clock, signal }: WeirctlParts,
): Promise<void> {
  let lines: readonly string[] = [];
  while (!signal.aborted) {
    try {
      lines = partitionLines(await api.state());
      screen.frame(lines);
    } catch (error) {
      screen.frame([...lines, '', `! No answer: ${messageOf(error)}`]);
    }
    await clock.sleep(intervalMs, signal);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
