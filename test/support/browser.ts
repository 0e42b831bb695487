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

/** True if there is a browser to test in. */
export const HAS_BROWSER = PROGRAM !== undefined;
export const HOW_TO_INSTALL =
  'No Chromium here. Install it (Debian: apt-get install chromium), or name its program in CHROMIUM.';

/** Starts the browser. It talks to nobody but the server under test. */
export function startBrowser(): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error(HOW_TO_INSTALL);
  return chromium.launch({
    executablePath: PROGRAM,
    // As people's browsers do it: pages that were left are kept for Back.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
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
