import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { bucketOf } from '../../src/common/bucket.js';
import type { Behaviour, VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { connected, roll, rollout, upload } from '../support/factories.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('Printers that are due, in the console', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let small: VirtualPrinter[];
  let fleet: VirtualPrinter[];
  let gradual: number;

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser();
    ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
    await upload(server, '1.5.0');
    await upload(server, '1.6.0');
    // A fleet of five, none of which is within 10 %.
    small = await Promise.all([20, 40, 60, 80, 95].map((bucket) => printerIn(bucket, 'beta')));
    // Ten printers, of which seven are within 10 %; one of the seven is offline.
    const behaviours = ['update', 'update', 'update', 'fail', 'fail', 'hang'] as const;
    fleet = await Promise.all([
      ...behaviours.map((behaviour, bucket) => printerIn(bucket, 'stable', behaviour)),
      ...[6, 30, 50, 70].map((bucket) => printerIn(bucket, 'stable')),
    ]);
    await fleet[6]!.stop();
    await eventually(
      'one is offline',
      () => server.request<{ total: number }>('GET', '/api/printers?online=false'),
      ({ body }) => body.total === 1,
    );
    ({ id: gradual } = await roll(server, '1.5.0', {
      target: { channels: ['stable'] },
      rollout_type: 'gradual',
      rollout_percentage: 10,
    }));
    await eventually(
      'the printers within 10 % are done',
      () => rollout(server, gradual),
      ({ completed_count: completed, failed_count: failed }) => completed === 3 && failed === 2,
    );
  }, 120_000);
  afterAll(async () => {
    await Promise.all([...small, ...fleet].map((one) => one.stop()));
    await browser.close();
    await server.stop();
  });

  function printerIn(bucket: number, channel: string, behaviour: Behaviour = 'update') {
    let uuid = randomUUID();
    while (bucketOf(uuid) !== bucket) uuid = randomUUID();
    return connected(server, { uuid, channel, behaviour });
  }

  it('are what the progress of a rollout is measured against', async () => {
    await page.goto(`${server.url}/rollouts/${gradual}`);
    const progress = page.getByRole('region', { name: 'Progress' });
    await progress.getByText('7 due: 3 ok, 2 failed, 1 in progress, 1 not sent yet').waitFor();
    await progress.getByText('3 more printers are not due yet: the rollout is at 10 %.').waitFor();
    // One word for one thing: one that is due and three that are not are the pending ones of the list.
    await page.locator('#updates').getByRole('link', { name: 'Pending 4' }).waitFor();
    const shares = await progress.locator('.legend').first().innerText();
    expect(shares.replaceAll(/\s+/g, ' ')).toBe(
      'Completed 3 43 % In progress 1 14 % Failed 2 29 % Declined 0 0 % Not sent yet 1 14 %',
    );
    await progress.getByRole('link', { name: '2 failed' }).click();
    await page.locator('#updates').getByRole('row').nth(2).waitFor();
    expect(new URL(page.url()).searchParams.get('status')).toBe('failed');
  });

  it('are what the list of rollouts and the page of the fleet tell of it', async () => {
    for (const path of ['/rollouts', '/']) {
      await page.goto(server.url + path);
      await page.getByText('7 due: 3 ok, 2 failed, 1 in progress, 1 not sent yet').waitFor();
      await page.getByText('3 not due yet').waitFor();
    }
  });

  it('are counted by bucket in the dialog of the percentage', async () => {
    await page.goto(`${server.url}/rollouts/${gradual}`);
    await page.getByRole('button', { name: 'Change percentage' }).click();
    const dialog = page.getByRole('dialog');
    const percentage = dialog.getByRole('spinbutton', { name: 'Percentage' });
    await percentage.fill('20');
    await dialog.getByText('This sends 1.5.0 to no printer now.').waitFor();
    await dialog
      .getByText('1 of 4 printers that have not been sent it yet is within 20 %, by bucket.')
      .waitFor();
    await dialog.getByText('4 printers stay pending: 3 not within 20 %, 1 offline.').waitFor();
    await percentage.fill('60');
    await dialog
      .getByText('3 of 4 printers that have not been sent it yet are within 60 %, by bucket.')
      .waitFor();
    await dialog.getByText('This sends 1.5.0 to 2 more printers now.').waitFor();
    await dialog.getByText('2 printers stay pending: 1 not within 60 %, 1 offline.').waitFor();
    // One that declines explains why fewer get it than are within the percentage, and does not stay pending.
    await fleet[7]!.stop();
    const declining = await connected(server, { ...fleet[7]!.options, autoUpdate: false });
    await dialog.getByText('This sends 1.5.0 to 1 more printer now.').waitFor();
    await dialog.getByText('1 printer declines: automatic updates are off on it.').waitFor();
    await dialog.getByText('2 printers stay pending: 1 not within 60 %, 1 offline.').waitFor();
    await declining.stop();
    fleet[7]!.start();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });

  it('are counted by bucket in the form of a rollout, and before it is created', async () => {
    await page.goto(`${server.url}/rollouts/new?version=1.6.0&channel=beta`);
    await page.getByRole('radio', { name: /^Gradual/ }).check();
    const pace = page.getByRole('region', { name: 'Pace' });
    await pace.getByText('0 of 5 printers that match are within 10 %, by bucket.').waitFor();
    await page.getByRole('button', { name: 'Create rollout' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('0 of 5 printers that match are within 10 %, by bucket.').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('spinbutton', { name: 'Percentage' }).fill('50');
    await pace.getByText('2 of 5 printers that match are within 50 %, by bucket.').waitFor();
    await page.getByRole('spinbutton', { name: 'Percentage' }).fill('21');
    await pace.getByText('1 of 5 printers that match is within 21 %, by bucket.').waitFor();
  });

  it('are never estimated: another percentage shows no number until the server has counted', async () => {
    const pace = page.getByRole('region', { name: 'Pace' });
    await page.route('**/api/rollouts/preview', async (route) => {
      await page.waitForTimeout(1_000);
      await route.continue();
    });
    await page.getByRole('spinbutton', { name: 'Percentage' }).fill('90');
    await pace.getByText('Counting the printers within 90 %').waitFor();
    expect(await pace.getByText('by bucket').count()).toBe(0);
    await pace.getByText('4 of 5 printers that match are within 90 %, by bucket.').waitFor();
    await page.unroute('**/api/rollouts/preview');
  });

  it('has met no error of a script', () => {
    expect(complaints).toEqual([]);
  });
});
