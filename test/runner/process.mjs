// Runs a suite as a process group of its own, so that whatever it started ends with it, also when it
// runs over its time limit or the run is interrupted. Output is kept, and shown only on failure.
import { spawn } from 'node:child_process';

/** Enough to see the end of a long log. */
const OUTPUT_MAX_CHARACTERS = 20_000;

const running = new Set();

/** Resolves with what was printed, and with a problem when the process did not end with 0. */
export function run(command, args, { cwd, env, limitMs }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
    });
    running.add(child);
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_MAX_CHARACTERS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    let overrun = false;
    const timer = setTimeout(() => {
      overrun = true;
      killGroup(child);
    }, limitMs);
    const end = (problem) => {
      clearTimeout(timer);
      running.delete(child);
      killGroup(child);
      resolve({ output, problem });
    };
    child.on('error', (error) => end(`${command} cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      if (overrun) end(`ran longer than ${limitMs / 60_000} minutes and was stopped`);
      else if (code === 0) end(undefined);
      else end(`${args[0]} ended with ${code ?? signal}`);
    });
  });
}

export function stopAll() {
  for (const child of running) killGroup(child);
}

/** Also what the process left behind: the group outlives its leader. */
function killGroup(child) {
  if (child.pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
