import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import type { TestServer } from '../support/server.js';
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
// CSS pixels: 320 is a small phone, or 1280 at 400 %; 640, 720 and 960 are usual desks at 200 %.
const WIDTHS = [320, 360, 512, 640, 720, 768, 960, 1280, 2560];
const MAX_SCRIPTS = 60_000;
const NAMES = [
  'fleet',
  'printers',
  'printer',
  'firmware',
  'new-rollout',
  'rollouts',
  'rollout',
  'inbox',
  'try-it',
] as const;

describeInBrowser('Every page of the console', () => {
  let server: TestServer;
  let browser: Browser;
  let scene: Scene;

  beforeAll(async () => {
    server = await startConsoleServer({ SIMULATOR: 'true' });
    browser = await startBrowser();
    scene = await setScene(server, 1_000);
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

  describe.each(NAMES)('the page %s', (name) => {
    let page: Page;
    let complaints: string[];
    const scripts: Array<Promise<Buffer>> = [];
    const elsewhere: string[] = [];

    beforeAll(async () => {
      ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
      page.on('response', (response) => {
        if (response.url().endsWith('.js')) scripts.push(response.body());
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(server.url) && !/^(?:data|blob):/.test(request.url()))
          elsewhere.push(request.url());
      });
      await open(page, name);
    });
    afterAll(() => page.context().close());

    it('needs less than 60 kB of scripts, compressed', async () => {
      const bytes = (await Promise.all(scripts)).reduce((sum, script) => sum + gzipSync(script).length, 0);
      expect(bytes).toBeGreaterThan(10_000);
      expect(bytes).toBeLessThan(MAX_SCRIPTS);
    });

    it('can be reached and left by the keyboard alone', async () => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to content');
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
    });

    it('fits every width from 320 to 2560 px', async () => {
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        if (width === WIDTHS[0]) await open(page, name);
        // The charts follow a frame later.
        await eventually(
          `nothing runs over at ${width} px`,
          () => page.evaluate<{ scrolls: number; outside: string[] }>(SURPLUS),
          ({ scrolls, outside }) => scrolls === 0 && outside.length === 0,
        );
      }
    });

    it('has its menu in one line, and cuts no choice, on a phone of 360 px', async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      if (name === 'printers') await page.getByText('More filters').click();
      expect(await page.evaluate(MENU_LINES)).toBe(1);
      expect(await page.evaluate(CUT_CHOICES)).toEqual([]);
    });

    it('keeps to its policy, and asks for nothing from elsewhere', () => {
      expect([complaints, elsewhere]).toEqual([[], []]);
    });

    it('can be used by everybody in both themes, as far as axe can tell', async () => {
      await page.setViewportSize({ width: 1280, height: 900 });
      await open(page, name);
      await page.evaluate(AXE);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect([colorScheme, await page.evaluate(RUN_AXE)]).toEqual([
          colorScheme,
          { hasLooked: true, violations: [] },
        ]);
      }
      expect(complaints).toEqual([]);
    });
  });

  it('says so if there is no page, and leads back', async () => {
    const { page, complaints } = await openTab(browser);
    for (const path of ['/nope', '/printers/1/2']) {
      const answer = await page.goto(server.url + path);
      expect(answer?.status()).toBe(404);
      await page.getByRole('heading', { level: 1, name: 'Page not found' }).waitFor();
      expect(await page.title()).toBe('Page not found · PaperMinder');
    }
    await page.getByRole('link', { name: 'Go to the fleet' }).click();
    await page.getByRole('heading', { level: 1, name: 'Fleet' }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('asks for no file to be dropped if nobody can drop one', async () => {
    for (const [isPhone, words] of [
      [false, /drop a binary anywhere/i],
      [true, /choose a binary/i],
    ] as const) {
      const phone = { isMobile: true, hasTouch: true, viewport: { width: 360, height: 740 } };
      const { page } = await openTab(browser, isPhone ? phone : {});
      await open(page, 'firmware');
      await page.getByText(words).waitFor();
      expect(/\bdrop\b/i.test(await page.locator('main').innerText())).toBe(!isPhone);
      await page.context().close();
    }
  });
});

// What is hidden from the eye, but not from a screen reader, is clipped.
const SURPLUS = `(() => {
  const { clientWidth, scrollWidth } = document.documentElement;
  const isSeen = (element) => {
    for (let one = element; one !== null; one = one.parentElement)
      if (getComputedStyle(one).clipPath !== 'none') return false;
    return true;
  };
  const outside = [...document.querySelectorAll('body *')].filter((element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width > 0 && (left < -1 || right > clientWidth + 1) && isSeen(element);
  });
  return {
    scrolls: scrollWidth - clientWidth,
    outside: outside.map(({ tagName, textContent }) => tagName + ' ' + textContent.slice(0, 40)),
  };
})()`;

const MENU_LINES = `new Set(
  [...document.querySelectorAll('.top nav li')].map((item) => item.getBoundingClientRect().top),
).size`;

// A select shows no more of a choice than it has room for.
const CUT_CHOICES = `[...document.querySelectorAll('select')].filter((select) => select.offsetParent !== null).flatMap((select) => {
  const style = getComputedStyle(select);
  const room = select.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const context = document.createElement('canvas').getContext('2d');
  context.font = style.font;
  return [...select.options].map(({ text }) => text).filter((text) => context.measureText(text).width > room);
})`;

const FOCUS = `(() => {
  const element = document.activeElement;
  const path = [];
  for (let one = element; one !== null && one !== document.body; one = one.parentElement)
    path.push(one.tagName + [...(one.parentElement?.children ?? [])].indexOf(one));
  return { where: element === document.body ? 'BODY' : path.join(' '), outline: getComputedStyle(element).outlineStyle };
})()`;
