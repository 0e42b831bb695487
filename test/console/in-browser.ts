import { describe, jest } from '@jest/globals';
import { HAS_BROWSER, HOW_TO_INSTALL } from '../support/browser.js';

/** Time limit of a test in a browser, in milliseconds: on a loaded machine a page takes seconds to load. */
const TIMEOUT_MS = 90_000;

/** Tests that need a browser; skipped where there is none, and that is said. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (HAS_BROWSER) {
    // Holds for the whole file, whose only tests these are.
    jest.setTimeout(TIMEOUT_MS);
    describe(name, tests);
    return;
  }
  process.stderr.write(`${HOW_TO_INSTALL} Skipped: ${name}\n`);
  describe.skip(name, tests);
}
