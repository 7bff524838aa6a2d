// What promql.mjs runs once it is bundled: files in, a report out.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { createMemoryStorage } from './memory-storage.ts';
import { runTestFile } from './runner.ts';

/** Prints failing cases and totals; returns the number of failures. */
export async function main(
  files: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  let passed = 0;
  let failed = 0;
  const notYet = new Map<string, number>();
  for (const file of files) {
    const report = await runTestFile(readFileSync(file, 'utf8'), createMemoryStorage);
    for (const { line, source, complaints } of report.failures) {
      print(`FAIL ${file}:${line}\n  ${source.replaceAll('\n', '\n  ')}`);
      for (const complaint of complaints.slice(0, 8)) print(`    ${complaint}`);
    }
    let waiting = 0;
    for (const [reason, cases] of report.notYet) {
      notYet.set(reason, (notYet.get(reason) ?? 0) + cases);
      waiting += cases;
    }
    passed += report.passed;
    failed += report.failures.length;
    const counts = `${report.passed} passed, ${report.failures.length} failed, ${waiting} not yet`;
    print(`${basename(file)}: ${counts}`);
  }
  if (notYet.size > 0) {
    const total = [...notYet.values()].reduce((sum, cases) => sum + cases, 0);
    const reasons = [...notYet].map(([reason, cases]) => `${reason}: ${cases}`).join(', ');
    print(`not yet: ${total} cases (${reasons})`);
  }
  print(`${passed} passed, ${failed} failed`);
  return failed;
}
