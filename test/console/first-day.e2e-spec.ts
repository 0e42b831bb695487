import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { connected, details, roll, rollout, upload } from '../support/factories.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

// As whole percentages, each rounded by itself, they would add up to 102.
const VERSIONS = ['1.1.0', '1.2.0', '1.3.0', '1.3.0', '1.3.0', '1.4.0', '1.4.0', '1.4.0'];

describeInBrowser('A newcomer in the console', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let fleet: VirtualPrinter[];
  let declining: VirtualPrinter;
  let updating: VirtualPrinter;
  /** Paths that the server answered with 404. */
  const missed: string[] = [];

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser();
    ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
    page.on('response', (response) => {
      if (response.status() === 404) missed.push(new URL(response.url()).pathname);
    });
    for (const version of ['0.9.0', '1.4.0', '1.5.0']) await upload(server, version);
    fleet = await Promise.all(
      VERSIONS.map((version, index) =>
        connected(server, { version, channel: 'beta', behaviour: index === 2 ? 'decline' : 'update' }),
      ),
    );
    declining = fleet[2]!;
    updating = fleet[7]!;
  }, 120_000);
  afterAll(async () => {
    await Promise.all(fleet.map((one) => one.stop()));
    await browser.close();
    await server.stop();
  });

  async function idOf(one: VirtualPrinter): Promise<number> {
    return (await details(server, one.options.uuid)).id;
  }
  const main = () => page.locator('main');

  it('sees shares that add up to 100 %', async () => {
    await page.goto(server.url);
    const rows = page.getByRole('region', { name: 'Versions', exact: true }).locator('tbody tr');
    await rows.nth(3).waitFor();
    const shares = await rows.locator('td:nth-child(3)').allInnerTexts();
    expect(shares).toEqual(['38 %', '38 %', '12 %', '12 %']);
  });

  it('is led from the number of printers behind to exactly these, the declined ones included', async () => {
    const { id } = await roll(server, '1.5.0', { target: { printer_ids: [declining.options.uuid] } });
    await eventually(
      'it is declined',
      () => rollout(server, id),
      ({ declined_count: declined }) => declined === 1,
    );
    await page.goto(server.url);
    const versions = page.getByRole('region', { name: 'Versions', exact: true });
    await versions
      .getByText(/its update is in progress, has failed, or was refused by the printer itself/)
      .waitFor();
    await versions.getByRole('link', { name: '1 printers with 1.3.0 behind while online' }).click();
    await page.getByText('1 to 1 of 1').first().waitFor();
    const rows = page.locator('table.printers tbody tr');
    expect(await rows.count()).toBe(1);
    await rows.locator(`a[href$="/printers/${await idOf(declining)}"]`).waitFor();
  });

  it('is told of a printer that was rolled back what is true, and offered nothing that would not help', async () => {
    const bad = await roll(server, '1.5.0', { target: { printer_ids: [updating.options.uuid] } });
    await eventually('it is updated', () => updating.version === '1.5.0' && updating.subscribed);
    await server.request('POST', '/api/firmware/1.5.0/rollback', { to: 'previous' });
    await eventually('it is back', () => updating.version === '1.4.0' && updating.subscribed);
    const { rolled_back_by: by } = await rollout(server, bad.id);
    await page.goto(`${server.url}/printers/${updating.options.uuid}`);
    const what = page.getByRole('region', { name: 'Next update' });
    await what.getByText(`It was rolled back from 1.5.0 to 1.4.0 by rollout ${by[0]}.`).waitFor();
    expect(await what.getByRole('link', { name: /Roll out/ }).count()).toBe(0);

    await page.goto(`${server.url}/printers/${fleet[1]!.options.uuid}`);
    await page.getByText('No rollout targets this printer: each one is for other printers').waitFor();
  });

  it('is offered another rollout if version bounds alone keep a newer version away', async () => {
    const target = { user_ids: [fleet[1]!.options.userId] };
    const { id } = await roll(server, '1.4.0', { target: { ...target, min_version: '1.3.0' } });
    await page.goto(`${server.url}/printers/${fleet[1]!.options.uuid}`);
    const why = page.getByRole('region', { name: 'Why is it not updating?' });
    await why
      .getByText(new RegExp(`^It runs 1.2.0, and rollout ${id} is only for printers that run 1.3.0 or later`))
      .waitFor();
    await why.getByText('A rollout of 1.4.0 without that limit would reach it.').waitFor();
    await why.getByRole('link', { name: 'Roll out to this printer' }).waitFor();
    await server.request('DELETE', `/api/rollouts/${id}`);
  });

  it('reads in the same words who started a rollback and who created its rollout', async () => {
    await page.goto(`${server.url}/firmware?open=1.5.0`);
    const progress = page.getByRole('region', { name: 'Rollback of 1.5.0' });
    await progress.getByText('Started by a local user of the server.').waitFor();
    await progress
      .getByRole('link', { name: /^rollout/ })
      .first()
      .click();
    await page.getByRole('region', { name: 'Details' }).getByText('by a local user of the server').waitFor();
    await progress.getByText('Started by a local user of the server.').waitFor();
  });

  it('causes no error in the browser by a look at a version that was never rolled back', async () => {
    await page.goto(`${server.url}/firmware?open=1.4.0`);
    await page.getByRole('button', { name: 'Roll back 1.4.0' }).waitFor();
    // What the page asks for by itself has been asked by then.
    await page.waitForLoadState('load');
    await page.waitForTimeout(500);
    expect(missed).toEqual([]);
  });

  it('is told plainly that no printer runs a version', async () => {
    await page.goto(`${server.url}/firmware?open=0.9.0`);
    await page.getByRole('button', { name: 'Roll back 0.9.0' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('No printer runs 0.9.0: there is nothing to roll back.').waitFor();
    expect(await dialog.innerText()).not.toMatch(/\b0 printers|back to/);
    await dialog.locator('button[type=submit]:disabled').waitFor();
    await page.keyboard.press('Escape');
  });

  it('sees a warning about an upload as a warning', async () => {
    await page.goto(`${server.url}/firmware`);
    await page.setInputFiles('input[type=file]', {
      name: 'paperminder-1.4.9.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('no image'),
    });
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await main().locator('.notice.good').getByText('1.4.9').first().waitFor();
    await main().locator('.notice.warn').getByText('The file does not begin like an image').waitFor();
    expect(await main().locator('.notice.good').innerText()).not.toContain('image');
  });

  it('is warned that a time has passed, and asked to roll out, not to schedule', async () => {
    await page.goto(`${server.url}/rollouts/new?version=1.4.9&channel=beta`);
    await page.getByRole('radio', { name: /^Scheduled/ }).check();
    await page.getByLabel(/^Starts at/).fill('2025-01-20T02:00');
    await page.getByRole('button', { name: 'Create rollout' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: /^Roll out 1.4.9 to .* now\?$/ }).waitFor();
    await dialog
      .locator('.notice.warn')
      .getByText(/^scheduled_for 2025-01-\S+ passed \d+ days ago, so the rollout starts at once\.$/)
      .waitFor();
    expect(await dialog.innerText()).not.toContain('It starts on');
    await dialog.getByRole('button', { name: 'Roll out', exact: true }).waitFor();
    await page.keyboard.press('Escape');
  });

  it('reads on the button of the theme what it changes', async () => {
    const button = page.getByRole('banner').getByRole('button', { name: 'Theme:' });
    expect(await button.innerText()).toBe('Theme: auto');
    await button.click();
    expect(await button.innerText()).toBe('Theme: light');
  });

  it('has met no error of a script', () => {
    expect(complaints).toEqual([]);
  });
});
