// The entry of the program `weirctl`: arguments, environment, terminal and exit; apps/weirctl has the rest.
import { systemClock } from '@weir/runtime';
import { runWeirctl } from '@weir/weirctl';

const ended = new AbortController();
process.once('SIGINT', () => ended.abort(new Error('interrupted')));

void runWeirctl(process.argv.slice(2), {
  fetch,
  clock: systemClock,
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  terminal: process.stdout.isTTY === true,
  address: process.env.WEIR_ADDRESS ?? '',
  signal: ended.signal,
}).then((code) => {
  process.exitCode = code;
});
