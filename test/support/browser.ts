import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

const PATHS = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];
const PROGRAM = PATHS.find((path) => path !== undefined && existsSync(path));

// Chromium without a profile and its services: the same pages for less processor time.
const SHELL = [process.env.CHROMIUM, '/usr/bin/chromium-headless-shell'].find(
  (path) => path !== undefined && existsSync(path),
);

/** True if there is a browser to test in. */
export const HAS_BROWSER = PROGRAM !== undefined;
export const HOW_TO_INSTALL =
  'No Chromium here. Install it (Debian: apt-get install chromium), or name its program in CHROMIUM.';

/**
 * Starts the browser. It talks to nobody but the server under test.
 *
 * @param keepsPages true to keep pages that were left for Back, as people's browsers do; each page load then costs a process more
 */
export function startBrowser(keepsPages = false): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error(HOW_TO_INSTALL);
  return chromium.launch({
    // The shell keeps no pages.
    executablePath: keepsPages ? PROGRAM : (SHELL ?? PROGRAM),
    ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Opens a tab, and gathers what must never happen in it: errors of scripts, refusals by the content security policy. */
export async function openTab(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
      complaints.push(message.text());
  });
  return { page, complaints };
}
