/** Jest reporter that ends a run with one plain line any script can read: "120 passed, 0 failed". */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    // A suite that failed to load has no tests to count, and must not look like success.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    process.stdout.write(`\n${results.numPassedTests} passed, ${failed} failed${tail}\n`);
  }
}
