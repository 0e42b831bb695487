import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { upload } from '../support/factories.js';
import { Proxy } from '../support/proxy.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('The console below a path', () => {
  let server: TestServer;
  let proxy: Proxy;
  let browser: Browser;
  let key: string;

  beforeAll(async () => {
    server = await startConsoleServer();
    // It says nothing of the path: the pages find out by themselves.
    proxy = await Proxy.start(server.url, { path: '/printers', strips: true });
    browser = await startBrowser();
    await upload(server, '1.5.0');
    const wanted = { name: 'Ada', scopes: ['admin'] };
    key = (await server.request<{ key: string }>('POST', '/api/keys', wanted)).body.key;
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await server.stop();
  });

  it('signs in, follows its links, and shows a page that is opened by its address', async () => {
    const { page, complaints } = await openTab(browser);
    const outside: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(`${proxy.url}/`)) outside.push(request.url());
    });
    await page.goto(`${proxy.url}/rollouts/new`);
    await page.getByLabel('API key').fill(key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'New rollout' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    for (const [link, path] of [
      ['Firmware', '/firmware'],
      ['Rollouts', '/rollouts'],
      ['Printers', '/printers'],
      ['Fleet', '/'],
    ] as const) {
      await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: link }).click();
      await page.getByRole('heading', { level: 1, name: link }).waitFor();
      expect(page.url()).toBe(proxy.url + path);
    }
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Printers' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Printers' }).waitFor();
    expect(page.url()).toBe(`${proxy.url}/printers`);
    expect([outside, complaints]).toEqual([[], []]);
    await page.context().close();
  });

  it('has an explorer that asks the server there', async () => {
    const { page } = await openTab(browser, { httpCredentials: { username: 'ada', password: key } });
    await page.goto(`${proxy.url}/docs`);
    await page.locator('#operations-health-HealthController_live, [id^=operations-health]').first().click();
    const asked = page.waitForRequest((request) => request.url().includes('/health/'));
    await page.getByRole('button', { name: 'Execute' }).click();
    expect((await asked).url()).toMatch(new RegExp(`^${proxy.url}/health/`));
    await page.context().close();
  });
});
