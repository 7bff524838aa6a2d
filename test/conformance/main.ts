// What promql.mjs runs once it is bundled: files in, a report out. Each file runs over a head, over blocks
// cut of it, and with parts of plans evaluated by two of either; a case passes if it does so over all.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type FileReport, runTestFile } from './runner.ts';
import { createSystemStorage, type StorageKind } from './system-storage.ts';

const STORAGES: readonly StorageKind[] = ['head', 'blocks', 'heads', 'held'];

/** Prints failing cases and totals; returns the number of failures. */
export async function main(
  files: readonly string[],
  print: (line: string) => void,
): Promise<number> {
  let passed = 0;
  let failed = 0;
  for (const file of files) {
    const failures = new Set<number>();
    let cases = 0;
    for (const storage of STORAGES) {
      const text = readFileSync(file, 'utf8');
      const report = await runTestFile(text, () => createSystemStorage(storage));
      cases = report.passed + report.failures.length;
      for (const failure of report.failures) {
        failures.add(failure.line);
        printFailure(`${file}:${failure.line} (${storage})`, failure, print);
      }
    }
    passed += cases - failures.size;
    failed += failures.size;
    print(`${basename(file)}: ${cases - failures.size} passed, ${failures.size} failed`);
  }
  print(`${passed} passed, ${failed} failed`);
  return failed;
}

function printFailure(
  where: string,
  { source, complaints }: FileReport['failures'][number],
  print: (line: string) => void,
): void {
  print(`FAIL ${where}\n  ${source.replaceAll('\n', '\n  ')}`);
  for (const complaint of complaints.slice(0, 8)) print(`    ${complaint}`);
}
