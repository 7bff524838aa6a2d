// Runs OpenTelemetry's SDK of Python (python_sdk.py), installed by the peers provider.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { SdkTarget, Transport } from './node-sdk.ts';
import { BOUNDS, ROUNDS, type Round } from './recording.ts';

const PROGRAM = fileURLToPath(new URL('./python_sdk.py', import.meta.url));
const run = promisify(execFile);

/** Records each round and exports it; returns what it said of that, nothing where all was taken at once. */
export async function sendByPython(
  job: string,
  transport: Transport,
  target: SdkTarget,
  rounds: readonly Round[] = ROUNDS,
): Promise<string> {
  const binary = process.env.WEIR_OTEL_PYTHON;
  if (!binary) throw new Error('WEIR_OTEL_PYTHON is not set: run npm run test:peers');
  const { gzip = false, timeoutMs = 10_000, ...where } = target;
  const task = { ...where, gzip, timeoutSeconds: timeoutMs / 1000, transport, job };
  const argument = JSON.stringify({ ...task, bounds: BOUNDS, rounds });
  const { stderr } = await run(binary, [PROGRAM, argument]);
  return stderr;
}
