import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { ServerProcess } from '../support/server-process.js';
import { PAGES, setScene } from '../screenshots/scene.js';
import type { Scene } from '../screenshots/scene.js';
import { describeInBrowser } from './in-browser.js';

const AXE = readFileSync(resolve('node_modules/axe-core/axe.min.js'), 'utf8');
const RUN_AXE = `axe.run(document, {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}).then(({ passes, violations }) => ({
  hasLooked: passes.length > 10,
  violations: violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]),
}))`;
const WIDTHS = [360, 768, 1280, 2560];
const MAX_SCRIPTS = 60_000;
const NAMES = [
  'fleet',
  'printers',
  'printer',
  'firmware',
  'new-rollout',
  'rollouts',
  'rollout',
  'try-it',
] as const;

describeInBrowser('Every page of the console', () => {
  let server: ServerProcess;
  let browser: Browser;
  let scene: Scene;

  beforeAll(async () => {
    server = await ServerProcess.start({ SIMULATOR: 'true' });
    browser = await startBrowser();
    scene = await setScene(server);
  }, 180_000);
  afterAll(async () => {
    await scene.stop();
    await browser.close();
    await server.stop();
  });

  async function open(page: Page, name: string): Promise<void> {
    const path = PAGES(scene).find(([one]) => one === name)?.[1] ?? '/';
    await page.goto(server.url + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('Live', { exact: true }).first().waitFor();
    await page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
  }

  describe.each(['light', 'dark'] as const)('in the %s theme', (colorScheme) => {
    it.each(NAMES)('can be used by everybody, as far as axe can tell: %s', async (name) => {
      const { page, complaints } = await openTab(browser, {
        colorScheme,
        viewport: { width: 1280, height: 900 },
        // axe is put into the page, which its own policy would not allow.
        bypassCSP: true,
      });
      await open(page, name);
      await page.evaluate(AXE);
      expect(await page.evaluate(RUN_AXE)).toEqual({ hasLooked: true, violations: [] });
      expect(complaints).toEqual([]);
      await page.context().close();
    });
  });

  it.each(NAMES)('fits every width from 360 to 2560 px, and keeps to its policy: %s', async (name) => {
    const { page, complaints } = await openTab(browser);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await open(page, name);
      const surplus = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect([width, surplus]).toEqual([width, 0]);
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each(NAMES)('needs less than 60 kB of scripts, compressed: %s', async (name) => {
    const { page } = await openTab(browser);
    const scripts: Array<Promise<Buffer>> = [];
    page.on('response', (response) => {
      if (response.url().endsWith('.js')) scripts.push(response.body());
    });
    await open(page, name);
    const bytes = (await Promise.all(scripts)).reduce((sum, script) => sum + gzipSync(script).length, 0);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(MAX_SCRIPTS);
    await page.context().close();
  });

  it.each(NAMES)('can be reached and left by the keyboard alone: %s', async (name) => {
    const { page } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
    await open(page, name);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the page');
    // Every focus is seen, and none is a trap: round and back to the begin of the document.
    const seen = new Set<string>();
    for (let step = 0; step < 400; step += 1) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate<{ where: string; outline: string }>(FOCUS);
      if (focus.where === 'BODY') break;
      expect(focus.outline).not.toBe('none');
      seen.add(focus.where);
    }
    expect(seen.size).toBeGreaterThan(6);
    await page.context().close();
  });

  it('asks for nothing from elsewhere', async () => {
    const { page } = await openTab(browser);
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !/^(?:data|blob):/.test(request.url()))
        elsewhere.push(request.url());
    });
    for (const name of NAMES) await open(page, name);
    expect(elsewhere).toEqual([]);
    await page.context().close();
  });
});

const FOCUS = `(() => {
  const element = document.activeElement;
  const path = [];
  for (let one = element; one !== null && one !== document.body; one = one.parentElement)
    path.push(one.tagName + [...(one.parentElement?.children ?? [])].indexOf(one));
  return { where: element === document.body ? 'BODY' : path.join(' '), outline: getComputedStyle(element).outlineStyle };
})()`;
