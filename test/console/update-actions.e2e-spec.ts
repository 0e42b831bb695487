import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { connected, history, roll, rollout, upload } from '../support/factories.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('One update, and one rollout, in the console', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let printer: VirtualPrinter;
  let id: number;

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser();
    ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
    await upload(server, '1.5.0');
    printer = await connected(server, { behaviour: 'hang' });
    ({ id } = await roll(server, '1.5.0'));
  }, 120_000);
  afterAll(async () => {
    await printer.stop();
    await browser.close();
    await server.stop();
  });

  it('aborts an update that hangs, and sends it again', async () => {
    await page.goto(`${server.url}/printers/${printer.options.uuid}`);
    await page.getByRole('button', { name: 'Abort the update to 1.5.0' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Abort the update' }).click();
    await page.getByText('aborted by an operator').first().waitFor();
    await page.getByRole('button', { name: 'Retry the update to 1.5.0' }).click();
    await page.getByRole('dialog').getByText('It is sent at once, and only to this printer.').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Send it again' }).click();
    await page.getByRole('button', { name: 'Abort the update to 1.5.0' }).waitFor();
    await eventually(
      'there are two updates',
      () => history(server, printer.options.uuid),
      (updates) => updates.map(({ status }) => status).join() === 'in_progress,failed',
    );
  });

  it('gives a new rollout a name and a note, and counts no printers again while they are typed', async () => {
    await page.goto(`${server.url}/rollouts/new?version=1.5.0`);
    await page.getByRole('region', { name: 'Preview' }).getByText('Live', { exact: true }).waitFor();
    let previews = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/api/rollouts/preview')) previews += 1;
    });
    const texts = page.getByRole('region', { name: 'Name and note' });
    await texts.getByLabel('Name', { exact: true }).fill('Second floor');
    await texts.getByLabel('Note').fill('Call Ada first\nThen widen');
    // Longer than the form waits for the end of typing.
    await page.waitForTimeout(700);
    expect(previews).toBe(0);
    await page.getByRole('button', { name: 'Create rollout' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^(Roll out|Create anyway)$/ })
      .click();
    await page.getByRole('heading', { level: 1, name: `Rollout ${id + 1}: 1.5.0, Second floor` }).waitFor();
    const created = await rollout(server, id + 1);
    expect([created.name, created.note]).toEqual(['Second floor', 'Call Ada first\nThen widen']);
  });

  it('gives a rollout a name and a note, and shows who created it', async () => {
    await page.goto(`${server.url}/rollouts/${id}`);
    await page.getByText('by a local user of the server').waitFor();
    await page.getByRole('button', { name: 'Name and note' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('October, first floor');
    await dialog.getByLabel('Note').fill('Watch the esp32 boards');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page
      .getByRole('heading', { level: 1, name: `Rollout ${id}: 1.5.0, October, first floor` })
      .waitFor();
    await page.getByText('Watch the esp32 boards').waitFor();
    const { name, note } = await rollout(server, id);
    expect([name, note]).toEqual(['October, first floor', 'Watch the esp32 boards']);
    await page.goto(`${server.url}/rollouts`);
    await page.getByText('October, first floor').waitFor();
    expect(complaints).toEqual([]);
  });
});
