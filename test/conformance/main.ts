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
  for (const file of files) {
    const report = await runTestFile(readFileSync(file, 'utf8'), createMemoryStorage);
    for (const { line, source, complaints } of report.failures) {
      print(`FAIL ${file}:${line}\n  ${source.replaceAll('\n', '\n  ')}`);
      for (const complaint of complaints.slice(0, 8)) print(`    ${complaint}`);
    }
    passed += report.passed;
    failed += report.failures.length;
    const counts = `${report.passed} passed, ${report.failures.length} failed`;
    print(`${basename(file)}: ${counts}`);
  }
  print(`${passed} passed, ${failed} failed`);
  return failed;
}
