import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import SqliteDatabase from 'better-sqlite3';
import type { Browser } from 'playwright-core';
import { sqlInstant } from '../../src/database/table.js';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { connected } from '../support/factories.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

const HOUR_MS = 3_600_000;
const BEFORE = 10;
const AFTER = 100;

describeInBrowser('The curves of the console', () => {
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser();
    const printer = await connected(server);
    await printer.stop();
    await server.restart(() => {
      const database = new SqliteDatabase(join(server.folder, 'paperminder.db'));
      const insert = database.prepare(
        'INSERT INTO fleet_sample (at, grain, online, versions) VALUES (?, ?, 0, ?)',
      );
      for (const [hoursAgo, printers] of [
        [6, BEFORE],
        [2, AFTER],
      ] as const) {
        const at = sqlInstant(new Date(Date.now() - hoursAgo * HOUR_MS));
        insert.run(at, 'minutes', JSON.stringify({ '1.4.0': printers }));
      }
      database.close();
    });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  it('are steps: between two samples the earlier one holds', async () => {
    const { page } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
    await page.goto(server.url);
    await page.locator('.plot canvas').waitFor();
    await page.waitForTimeout(500);
    // The samples are 6 h and 2 h old: after 3 of 6 hours, a slope would show about 78, and just before the second one nearly 100.
    for (const share of [0.25, 0.5, 0.62])
      expect(await page.evaluate<number>(filledAt(share))).toBeCloseTo(BEFORE / AFTER, 1);
    expect(await page.evaluate<number>(filledAt(0.75))).toBeCloseTo(1, 1);
    await page.context().close();
  });
});

/** How much of a plot's height is filled at a share of its width. */
const filledAt = (share: number): string => `(() => {
  const canvas = document.querySelector('.plot canvas');
  const [area, whole] = [document.querySelector('.plot .u-over'), canvas].map((one) => one.getBoundingClientRect());
  const scale = canvas.width / whole.width;
  const x = Math.round((area.left - whole.left + area.width * ${share}) * scale);
  const [top, height] = [(area.top - whole.top) * scale, Math.floor(area.height * scale)];
  const { data } = canvas.getContext('2d').getImageData(x, Math.ceil(top), 1, height);
  // As dark as the layer: lines of the grid are lighter, and thin.
  const isFilled = (row) => data[row * 4 + 3] === 255 && data[row * 4] < 100;
  return Array.from({ length: height }, (_, row) => row).filter(isFilled).length / height;
})()`;
