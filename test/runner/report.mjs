// Counts vitest's JSON report. A file that fails outside of its tests (it cannot be imported, a hook
// throws) counts as one failure, so that broken files cannot pass by having no tests.
import { relative } from 'node:path';

const FAILURE_LINES_MAX = 30;

/** Numbers, and a note for each failed or skipped test. */
export function readReport(report, root) {
  const result = { passed: 0, failed: 0, skipped: 0, notes: [] };
  for (const file of report.testResults) {
    const path = relative(root, file.name);
    let failedHere = 0;
    for (const test of file.assertionResults) {
      const name = `${path} > ${test.fullName}`;
      if (test.status === 'passed') {
        result.passed++;
      } else if (test.status === 'failed') {
        failedHere++;
        result.notes.push(`FAILED ${name}\n${shorten(test.failureMessages.join('\n'))}`);
      } else {
        result.skipped++;
        result.notes.push(`skipped ${name}`);
      }
    }
    if (file.status === 'failed' && failedHere === 0) {
      failedHere = 1;
      result.notes.push(
        `FAILED ${path}\n${shorten(file.message ?? 'failed outside of its tests')}`,
      );
    }
    result.failed += failedHere;
  }
  return result;
}

function shorten(text) {
  const lines = text.split('\n').filter((line) => !/^\s+at .*node_modules/.test(line));
  const shown = lines.slice(0, FAILURE_LINES_MAX).map((line) => `    ${line}`);
  if (lines.length > FAILURE_LINES_MAX) shown.push('    …');
  return shown.join('\n');
}
