import { describe } from '@jest/globals';
import { HAS_BROWSER, HOW_TO_INSTALL } from '../support/browser.js';

/** Tests that need a browser; skipped where there is none, and that is said. */
export function describeInBrowser(name: string, tests: () => void): void {
  if (HAS_BROWSER) {
    describe(name, tests);
    return;
  }
  process.stderr.write(`${HOW_TO_INSTALL} Skipped: ${name}\n`);
  describe.skip(name, tests);
}
