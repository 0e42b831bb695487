import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { binary, upload } from '../support/factories.js';
import { Proxy } from '../support/proxy.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('Warnings in the console', () => {
  const bytes = binary();
  let server: TestServer;
  let proxy: Proxy;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    server = await startConsoleServer({ AUTH: 'none' });
    proxy = await Proxy.start(server.url, { headers: () => ({ 'X-Forwarded-Proto': 'https' }) });
    browser = await startBrowser();
    ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
    await upload(server, '1.5.0', {}, bytes);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await proxy.stop();
    await server.stop();
  });

  const banner = () => page.getByRole('region', { name: 'Warnings of the server' });

  async function send(version: string, content: Uint8Array): Promise<void> {
    await page.setInputFiles('input[type=file]', {
      name: `paperminder-${version}.bin`,
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(content),
    });
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
  }

  it('name what the settings lack, on every page, as soon as the server notices it', async () => {
    await page.goto(server.url);
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await banner().count()).toBe(0);
    await page.goto(proxy.url);
    await banner()
      .getByText(/neither BASE_URL nor TRUSTED_PROXIES is set/)
      .waitFor();
    await page.getByRole('link', { name: 'Printers', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Printers' }).waitFor();
    expect(await banner().count()).toBe(1);
  });

  it('name damaged binaries until the same files are uploaded again', async () => {
    await page.goto(server.url);
    const { body } = await server.request<{ sha256_checksum: string }>('GET', '/api/firmware/1.5.0');
    await rm(join(server.folder, 'uploads', body.sha256_checksum));
    expect((await server.request('GET', '/api/firmware/download/1.5.0')).status).toBeGreaterThanOrEqual(500);
    await banner()
      .getByText(/offered to no printer: 1\.5\.0\./)
      .waitFor();
    await banner().getByRole('link', { name: 'Go to the firmware' }).click();
    await page
      .getByRole('row')
      .filter({ hasText: '1.5.0' })
      .getByText('damaged', { exact: true })
      .first()
      .waitFor();
    await send('1.5.0', bytes);
    await banner()
      .getByText(/offered to no printer/)
      .waitFor({ state: 'detached' });
    await banner()
      .getByText(/BASE_URL/)
      .waitFor();
  });

  it('about an upload stand beside its success', async () => {
    await send('1.4.9', binary());
    const done = page.getByRole('status').filter({ hasText: '1.4.9 for every board is in' });
    await done.getByText(/1\.5\.0/).waitFor();
  });

  it('come with no error of a script', () => {
    expect(complaints).toEqual([]);
  });
});
