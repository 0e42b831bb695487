import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { ServerProcess } from '../support/server-process.js';
import { writeHistory } from './history.js';
import { PAGES, setScene } from './scene.js';

const FOLDER = resolve('docs/images');
const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
const MOST_PIXELS = 2_000;
const THEMES = ['light', 'dark'] as const;

/** Writes a picture of every page in both themes, as wide as a desk and as a phone. */
async function takeAll(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const browser = await startBrowser();
  const empty = await ServerProcess.start({ SIMULATOR: 'true' });
  try {
    await take(browser, empty, [['first-steps', '/']]);
  } finally {
    await empty.stop();
  }
  const server = await ServerProcess.start({ SIMULATOR: 'true' });
  await writeHistory(server);
  const scene = await setScene(server);
  try {
    await take(browser, server, PAGES(scene));
  } finally {
    await scene.stop();
    await server.stop();
    await browser.close();
  }
}

async function take(
  browser: Browser,
  server: ServerProcess,
  pages: ReadonlyArray<readonly [name: string, path: string]>,
): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const theme of THEMES) {
      const { page } = await openTab(browser, { viewport, colorScheme: theme, deviceScaleFactor: 1 });
      for (const [name, path] of pages) {
        await page.goto(server.url + path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.getByText('Live', { exact: true }).waitFor();
        await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
        // What arrives after the page itself: plots, previews.
        await page.waitForTimeout(1_200);
        const height = await page.evaluate<number>('document.documentElement.scrollHeight');
        await page.screenshot({
          path: join(FOLDER, `${name}-${size}-${theme}.png`),
          fullPage: true,
          // A list of fifty is long enough to be told from a list of ten.
          clip: { x: 0, y: 0, width: viewport.width, height: Math.min(height, MOST_PIXELS) },
        });
        process.stdout.write(`${name}-${size}-${theme}.png\n`);
      }
      await page.context().close();
    }
  }
}

await takeAll();
