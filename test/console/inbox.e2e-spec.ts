import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { RawSocket } from '../support/raw-socket.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('The inbox of the console', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  const [friend, stranger] = [randomUUID(), randomUUID()];

  beforeAll(async () => {
    server = await startConsoleServer({ REGISTRATION: 'approve' });
    browser = await startBrowser();
    ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  async function subscribe(uuid: string, fields: object): Promise<void> {
    const socket = await RawSocket.open(server);
    await socket.ask({ printer_id: uuid, firmware_version: '1.4.0', ...fields });
    socket.socket.terminate();
  }

  it('tells on every page that printers wait, and leads to them', async () => {
    await page.goto(server.url);
    await page.getByText('No printer has connected yet.').waitFor();
    await subscribe(friend, { printer_name: 'Front Desk' });
    await subscribe(stranger, { printer_name: 'Stranger' });
    await page.getByText('2 new printers are waiting for approval').waitFor();
    await page.getByRole('link', { name: /Inbox 2/ }).click();
    await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();
    await page
      .getByRole('cell', { name: /Front Desk/ })
      .first()
      .waitFor();
  });

  it('accepts one printer and rejects another', async () => {
    await page.getByRole('button', { name: 'Accept Front Desk' }).click();
    await page.getByRole('button', { name: 'Accept Front Desk' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Reject Stranger' }).click();
    await page.getByText('No printers are waiting for approval.').waitFor();
    await subscribe(friend, { printer_name: 'Front Desk' });
    await subscribe(stranger, { printer_name: 'Stranger' });
    const { body } = await server.request<{ printers: Array<{ uuid: string }> }>('GET', '/api/printers');
    expect(body.printers.map(({ uuid }) => uuid)).toEqual([friend]);
    await page.getByRole('button', { name: /^Rejected 1/ }).click();
    await page.getByRole('button', { name: 'Accept Stranger' }).waitFor();
  });

  it('loads the printers that wait page by page', async () => {
    for (let index = 0; index < 30; index += 1)
      await subscribe(randomUUID(), { printer_name: `Newcomer ${index}` });
    const asked: string[] = [];
    page.on('request', (request) => {
      const { pathname, search } = new URL(request.url());
      if (pathname === '/api/registrations') asked.push(search);
    });
    await page.goto(`${server.url}/inbox`);
    const waiting = page.getByRole('region', { name: 'New printers' });
    await waiting.getByRole('button', { name: 'Waiting 30' }).waitFor();
    await waiting.getByText('25 of 30').waitFor();
    await waiting.getByRole('button', { name: 'Next page' }).click();
    await waiting.getByText('5 of 30').waitFor();
    expect(await waiting.locator('tbody tr').count()).toBe(5);
    await waiting.getByRole('button', { name: 'Accept Newcomer 0', exact: true }).click();
    await waiting.getByText('4 of 29').waitFor();
    await waiting.getByRole('button', { name: 'First page' }).click();
    await waiting.getByText('25 of 29').waitFor();
    // Nothing is asked for that is not shown.
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((search) => !/limit=(?:25|1)(?:&|$)/.test(search))).toEqual([]);
  });

  it('shows what is wrong with what a printer sends, and blocks it', async () => {
    await subscribe(friend, { printer_name: 'Front Desk', auto_update: 1, firmware_version: 'unknown' });
    const problems = page.getByRole('region', { name: 'Printers with problems' });
    await problems.getByText(/auto_update/).waitFor();
    await problems.getByRole('link', { name: 'Front Desk' }).click();
    await page.getByRole('heading', { level: 1, name: 'Front Desk' }).waitFor();
    await page
      .getByRole('region', { name: 'Problems' })
      .getByText(/auto_update/)
      .waitFor();
    await page.getByText('unknown (reported: unknown)').first().waitFor();
    await page.goBack();
    await problems.getByRole('button', { name: 'Block Front Desk' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Block it' }).click();
    await eventually(
      'it is blocked',
      () => server.request<{ total: number }>('GET', '/api/printers?blocked=true'),
      ({ body }) => body.total === 1,
    );
    await page.goto(`${server.url}/printers?problems=true`);
    await page.getByRole('link', { name: 'Front Desk' }).waitFor();
  });

  it('has met no error of a script', () => {
    expect(complaints).toEqual([]);
  });
});
