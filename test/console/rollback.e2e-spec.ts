import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { connected, roll, rollout, upload } from '../support/factories.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

const PRINTERS = 6;
const OFFLINE = 2;

describeInBrowser('A version that is rolled back in the console', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let fleet: VirtualPrinter[];
  let bad: number;

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser();
    const phone = { isMobile: true, hasTouch: true, viewport: { width: 360, height: 640 } };
    ({ page, complaints } = await openTab(browser, phone));
    await upload(server, '1.4.0');
    await upload(server, '1.5.0');
    fleet = await Promise.all(Array.from({ length: PRINTERS }, () => connected(server)));
    // It never had the version: a rollback does not touch it.
    fleet.push(await connected(server, { channel: 'beta' }));
    ({ id: bad } = await roll(server, '1.5.0', { target: { channels: ['stable'] } }));
    await eventually(
      'all are updated',
      () => rollout(server, bad),
      ({ completed_count: completed }) => completed === PRINTERS,
    );
    await eventually('all are back', () => fleet.every((one) => one.subscribed));
    await Promise.all(fleet.slice(0, OFFLINE).map((one) => one.stop()));
    await eventually(
      'two are offline',
      () => server.request<{ total: number }>('GET', '/api/printers?online=false'),
      ({ body }) => body.total === OFFLINE,
    );
  }, 120_000);
  afterAll(async () => {
    await Promise.all(fleet.map((one) => one.stop()));
    await browser.close();
    await server.stop();
  });

  it('is shown with its numbers before anything is done, on a phone without scrolling', async () => {
    await page.goto(`${server.url}/rollouts/${bad}`);
    await page.getByRole('button', { name: 'Roll back 1.5.0' }).click();
    const dialog = page.getByRole('dialog');
    const numbers = dialog.getByText('6 printers run 1.5.0: 4 online, 2 offline.');
    await numbers.waitFor();
    const { y, height } = (await numbers.boundingBox())!;
    expect(y).toBeGreaterThan(0);
    expect(y + height).toBeLessThan(640);
    await dialog.getByText('6 printers go back to 1.4.0, 2 of them when they connect.').waitFor();
    await dialog.getByText(`1 rollout of 1.5.0 is cancelled: rollout ${bad}`).waitFor();
    expect((await rollout(server, bad)).status).not.toBe('cancelled');
  });

  it('is rolled back by one confirmation, with progress until no printer runs it', async () => {
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back 6 printers' }).click();
    const progress = page.getByRole('region', { name: 'Rollback of 1.5.0' });
    await progress.getByText('2 printers still run 1.5.0: 0 online, 2 offline.').waitFor();
    fleet.push(...fleet.slice(0, OFFLINE).map((one) => one.start()));
    await progress.getByText('No printer runs 1.5.0 any more.').waitFor();
    await progress.getByText('done', { exact: true }).waitFor();
    expect(fleet.map(({ version }) => version)).toEqual(fleet.map(() => '1.4.0'));
  });

  it('is linked with what moved its printers back, both ways', async () => {
    const back = Number(new URL(page.url()).pathname.split('/').at(-1));
    expect((await rollout(server, back)).firmware_version).toBe('1.4.0');
    await page
      .getByRole('link', { name: `rollout ${bad}`, exact: true })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: new RegExp(`Rollout ${bad}: 1.5.0`) }).waitFor();
    const progress = page.getByRole('region', { name: 'Rollback of 1.5.0' });
    await progress.getByRole('link', { name: `rollout ${back}` }).waitFor();
    expect(await page.getByRole('button', { name: 'Roll back 1.5.0' }).count()).toBe(0);
  });

  it('can be rolled back from the firmware page, where it says what is missing', async () => {
    await page.goto(`${server.url}/firmware?open=1.4.0`);
    await page.getByRole('button', { name: 'Roll back 1.4.0' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('7 printers run 1.4.0: 7 online, 0 offline.').waitFor();
    await dialog.getByText('This rollback is not possible:').waitFor();
    await dialog.locator('button[type=submit]:disabled').waitFor();
  });

  it('names a newer version that goes further with it', async () => {
    const everyone = async (version: string, whom: VirtualPrinter[]): Promise<void> => {
      await eventually(`all run ${version}`, () =>
        whom.every((one) => one.version === version && one.subscribed),
      );
    };
    await upload(server, '1.6.0');
    await upload(server, '1.7.0');
    const all = [...new Set(fleet)];
    await roll(server, '1.6.0');
    await everyone('1.6.0', all);
    await roll(server, '1.7.0');
    await everyone('1.7.0', all);
    const [away, ...others] = all;
    await away!.stop();
    await server.request('POST', '/api/firmware/1.7.0/rollback', { to: 'previous' });
    await everyone('1.6.0', others);
    await page.goto(`${server.url}/firmware?open=1.6.0`);
    await page.getByRole('button', { name: 'Roll back 1.6.0' }).click();
    await page
      .getByRole('dialog')
      .getByText('1.7.0 is being rolled back to 1.6.0: 1 printer that still runs it goes to 1.4.0 instead.')
      .waitFor();
  });

  it('leads to the printers that are about to run it', async () => {
    await upload(server, '1.8.0');
    await upload(server, '1.8.1');
    const slow = await connected(server, { channel: 'canary', version: '1.8.0', behaviour: 'hang' });
    const { id } = await roll(server, '1.8.1', { target: { channels: ['canary'] } });
    await eventually('its update is under way', () => slow.orders.length === 1);
    await server.request('POST', '/api/firmware/1.8.1/rollback', { to: 'previous' });
    await page.goto(`${server.url}/rollouts/${id}`);
    const progress = page.getByRole('region', { name: 'Rollback of 1.8.1' });
    await progress.getByRole('link', { name: '1 more printer' }).click();
    await page.getByText(slow.options.name).first().waitFor();
    expect(new URL(page.url()).search).toBe('?about_to_run=1.8.1');
    await slow.stop();
  });

  it('names the printers that keep the bad version, as their automatic updates are off', async () => {
    await upload(server, '1.9.0');
    await upload(server, '1.9.1', { mandatory: 'true' });
    const forced = await connected(server, { channel: 'canary', version: '1.9.0', autoUpdate: false });
    await roll(server, '1.9.1', { target: { printer_ids: [forced.options.uuid] } });
    await eventually('it runs the mandatory version', () => forced.version === '1.9.1' && forced.subscribed);
    await page.goto(`${server.url}/firmware?open=1.9.1`);
    await page.getByRole('button', { name: 'Roll back 1.9.1' }).click();
    const dialog = page.getByRole('dialog');
    await dialog
      .getByText('1 printer declines automatic updates and keeps 1.9.1, unless you make 1.9.0 mandatory.')
      .waitFor();
    // It is the only one, so none goes back.
    expect(await dialog.getByText('back to 1.9.0').count()).toBe(0);
    await dialog.getByRole('button', { name: 'Roll back', exact: true }).click();
    const progress = page.getByRole('region', { name: 'Rollback of 1.9.1' });
    await progress.getByText('1 printer declines automatic updates and keeps 1.9.1.').waitFor();
    await page.getByText('for all printers that run 1.9.1').waitFor();
    // Declining takes no time.
    await page.goto(`${server.url}/printers/${forced.options.uuid}`);
    const entry = page.getByRole('region', { name: 'History' }).locator('li.declined');
    await entry.getByText('auto_update is off').waitFor();
    expect(await entry.innerText()).not.toContain('took');
    await forced.stop();
  });

  it('has met no error of a script', () => {
    expect(complaints).toEqual([]);
  });
});
