import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { Fleet } from '../../src/simulator/fleet.js';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { binary, connected, patch, rollout, upload } from '../support/factories.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

const PRINTERS = 60;

describeInBrowser('An operator in the console', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let fleet: Fleet;

  beforeAll(async () => {
    server = await startConsoleServer({ SIMULATOR: 'true' });
    browser = await startBrowser();
    ({ page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } }));
    fleet = new Fleet({
      server: server.url,
      printers: PRINTERS,
      users: 5,
      seed: 'console',
      versions: ['1.4.0'],
      channels: {},
      platforms: ['esp8266', 'esp32'],
      failing: 0.3,
      declining: 0,
      hanging: 0,
      rollingBack: 0,
      rebootMs: 300,
    });
  }, 120_000);
  afterAll(async () => {
    await fleet.stop();
    await browser.close();
    await server.stop();
  });

  it('is led from an empty installation to the upload', async () => {
    await page.goto(server.url);
    await page.getByText('No printer has connected yet.').waitFor();
    await page.getByRole('link', { name: 'Go to firmware' }).click();
    await page.getByRole('heading', { level: 1, name: 'Firmware' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/firmware');
  });

  it('uploads a binary that is dropped on the page', async () => {
    const content = Buffer.from(binary(50_000)).toString('base64');
    const data = await page.evaluateHandle(`(() => {
      const bytes = Uint8Array.from(atob('${content}'), (one) => one.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], 'paperminder-1.5.0.bin'));
      return data;
    })()`);
    await page.dispatchEvent('main', 'dragenter', { dataTransfer: data });
    await page.dispatchEvent('main', 'dragover', { dataTransfer: data });
    await page.dispatchEvent('main', 'drop', { dataTransfer: data });
    expect(await page.getByLabel('Version', { exact: true }).inputValue()).toBe('1.5.0');
    await page.getByLabel('Release notes').fill('<img src=x onerror=alert(1)> fixes the sensor');
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    // The table below has such a link, too, as soon as it has the version.
    const panel = page.getByRole('region', { name: 'Upload', exact: true });
    await panel.getByRole('link', { name: 'Roll out 1.5.0' }).waitFor();
    const { body } = await server.request<{ file_size: number }>('GET', '/api/firmware/1.5.0');
    expect(body.file_size).toBe(50_000);
  });

  it('keeps what was typed if the server refuses it, and shows its words', async () => {
    await page.setInputFiles('input[type=file]', {
      name: 'again.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(binary()),
    });
    await page.getByLabel('Version', { exact: true }).fill('1.5.0');
    await page.getByLabel('Release notes').fill('Typed with care');
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByText('Firmware version already exists').first().waitFor();
    expect(await page.getByLabel('Release notes').inputValue()).toBe('Typed with care');
  });

  it('is told beside the button that a file is too large, and keeps the focus there', async () => {
    await page.goto(`${server.url}/firmware`);
    const buffer = Buffer.alloc(6_000_000);
    await page.setInputFiles('input[type=file]', {
      name: 'large-9.9.9.bin',
      mimeType: 'application/octet-stream',
      buffer,
    });
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page.getByRole('alert').getByText('File too large').waitFor();
    await page.locator('button[type=submit]:focus').waitFor();
  });

  it('sees printers come online without a reload', async () => {
    await page.goto(server.url);
    await fleet.start();
    await page.getByText(`${PRINTERS} of ${PRINTERS} printers online`).waitFor();
  });

  it('previews a gradual rollout, and creates it', async () => {
    await page.goto(`${server.url}/rollouts/new?version=1.5.0`);
    await page.getByRole('radio', { name: /^Gradual/ }).check();
    await page.getByRole('button', { name: '10 %', exact: true }).click();
    const preview = page.getByRole('region', { name: 'Preview' });
    await preview.getByText(new RegExp(`${PRINTERS} of ${PRINTERS} printers match`)).waitFor();
    await page.getByText('As a curl command').click();
    expect(await page.locator('pre').first().innerText()).toContain('"rollout_percentage": 10');
    await page.getByRole('button', { name: 'Create rollout' }).click();
    // Asked once, with the numbers, although it reaches a few printers only.
    const dialog = page.getByRole('dialog');
    await dialog.getByText(`Roll out 1.5.0 to 10 % of all ${PRINTERS} printers now?`).waitFor();
    const { body: expected } = await server.request<{ now: number }>('POST', '/api/rollouts/preview', {
      firmware_version: '1.5.0',
      target: { channels: ['stable'] },
      rollout_type: 'gradual',
      rollout_percentage: 10,
    });
    await dialog.getByText(new RegExp(`${expected.now} gets? 1\\.5\\.0 as soon as you confirm`)).waitFor();
    await dialog.getByRole('button', { name: 'Roll out', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: /Rollout 1: 1\.5\.0/ }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/rollouts/1');
  });

  it('sees the numbers move without a reload', async () => {
    await ended(1);
    const { completed_count: completed, failed_count: failed } = await rollout(server, 1);
    await shows('Completed', completed);
    await shows('Failed', failed);
    expect(completed + failed).toBeGreaterThan(0);
  });

  it('widens it, told how many more printers get it now', async () => {
    await page.getByRole('button', { name: 'Change percentage' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: '50 %', exact: true }).click();
    const { body } = await server.request<{ now: number }>('POST', '/api/rollouts/1/preview', {
      rollout_percentage: 50,
    });
    expect(body.now).toBeGreaterThan(0);
    await dialog.getByText(new RegExp(`${body.now} more printers? now`)).waitFor();
    await dialog.getByRole('button', { name: 'Widen to 50 %' }).click();
    await eventually(
      'the rollout is at 50 %',
      () => rollout(server, 1),
      ({ rollout_percentage: percentage }) => percentage === 50,
    );
    await eventually(
      'those printers have their outcome',
      () => rollout(server, 1),
      (now) => now.completed_count + now.failed_count >= body.now,
      60_000,
    );
    await ended(1);
    await ended(1);
    const { completed_count: completed, failed_count: failed } = await rollout(server, 1);
    await shows('Completed', completed);
    await shows('Failed', failed);
    expect(completed + failed).toBeGreaterThanOrEqual(body.now);
  });

  it('follows in the dialog of the percentage what was done in another tab', async () => {
    await page.getByRole('button', { name: 'Change percentage' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('spinbutton', { name: 'Percentage' }).fill('55');
    await dialog.getByRole('button', { name: 'Widen to 55 %' }).waitFor();
    await patch(server, 1, { rollout_percentage: 60 });
    await dialog.getByText('Rollout 1 is at 60 %').waitFor();
    await dialog.getByText('The percentage has been changed from 50 % to 60 % in the meantime.').waitFor();
    // What was meant to widen the rollout must not narrow it.
    await dialog.getByRole('button', { name: 'Widen to 100 %' }).waitFor();
    expect(await dialog.getByRole('spinbutton', { name: 'Percentage' }).inputValue()).toBe('100');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await patch(server, 1, { rollout_percentage: 50 });
  });

  it('sees why updates failed, and on which printers', async () => {
    const failures = page.getByRole('region', { name: 'Why updates failed' });
    await failures.getByText('Update failed: not enough space').waitFor();
    await failures
      .getByRole('link', { name: /Virtual printer/ })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: /Virtual printer/ }).waitFor();
    await page.getByText('Update failed: not enough space').first().waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: /Rollout 1/ }).waitFor();
  });

  it('pauses, resumes and cancels it, and is asked each time', async () => {
    for (const [button, action, status] of [
      ['Pause', 'Pause', 'paused'],
      ['Resume', 'Resume', 'active'],
      ['Cancel', 'Cancel the rollout', 'cancelled'],
    ] as const) {
      await page.getByRole('button', { name: button, exact: true }).click();
      // Counted by what printers run, whichever way they got it: one of them was installed by cable.
      if (button === 'Cancel') {
        const byCable = await connected(server, { version: '1.5.0' });
        const completed = (await rollout(server, 1)).completed_count;
        const { body } = await eventually(
          'all of them have come back with it',
          () => server.request<{ total: number }>('GET', '/api/printers?firmware_version=1.5.0&limit=1'),
          ({ body: { total } }) => total === completed + 1,
        );
        await page
          .getByRole('dialog')
          .getByText(`${body.total} printers run 1.5.0 now, and keep it.`)
          .waitFor();
        await byCable.stop();
        await server.request('DELETE', `/api/printers/${byCable.options.uuid}`);
      }
      await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
      await page.locator('.page-head').getByText(status).waitFor();
      expect((await rollout(server, 1)).status).toBe(status);
    }
  });

  it('is asked once if a rollout matches nobody', async () => {
    await upload(server, '1.6.0', { channel: 'canary' });
    await page.goto(`${server.url}/rollouts/new?version=1.6.0&channel=canary`);
    await page
      .getByRole('region', { name: 'Preview' })
      .getByText(/0 of 60 printers match/i)
      .waitFor();
    await page.getByRole('button', { name: 'Create rollout' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Create a rollout of 1.6.0 that matches no printer?').waitFor();
    expect(await dialog.getByRole('button', { name: 'Create anyway' }).isEnabled()).toBe(true);
    expect(await dialog.getByRole('checkbox').count()).toBe(0);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    const { body } = await server.request<{ rollouts: unknown[] }>('GET', '/api/rollouts');
    expect(body.rollouts).toHaveLength(1);
  });

  it('is asked before most of the fleet is sent something at once, by channel as by all', async () => {
    await upload(server, '1.7.0');
    await page.goto(`${server.url}/rollouts/new?version=1.7.0&channel=stable`);
    await page
      .getByRole('region', { name: 'Preview' })
      .getByText(/60 of 60 printers match/)
      .waitFor();
    await page.getByRole('button', { name: 'Create rollout' }).click();
    await page.getByRole('dialog').getByText('Roll out 1.7.0 to all 60 printers now?').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('radio', { name: /^Gradual/ }).check();
    await page.getByRole('spinbutton', { name: 'Percentage' }).fill('101');
    await page
      .getByRole('listitem')
      .getByText('The percentage must be a whole number from 0 to 100')
      .waitFor();
    const { body } = await server.request<{ rollouts: unknown[] }>('GET', '/api/rollouts');
    expect(body.rollouts).toHaveLength(1);
  });

  it('offers no rollout without a preview to a server that is not there', async () => {
    await page.goto(`${server.url}/rollouts/new?version=1.7.0&channel=stable`);
    const preview = page.getByRole('region', { name: 'Preview' });
    await preview.getByText('Live', { exact: true }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole('button', { name: 'Create rollout' }).click();
    await page.getByText('The server cannot be reached.').first().waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.context().setOffline(false);
  });

  it('keeps the focus in the page when a build is deleted', async () => {
    await page.goto(`${server.url}/firmware?open=1.7.0`);
    const section = page.getByRole('region', { name: '1.7.0 in stable' });
    await section.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    await section.waitFor({ state: 'detached' });
    await eventually(
      'the heading has the focus',
      () => page.evaluate('document.activeElement.tagName'),
      (name) => name === 'H1',
    );
  });

  it('finds a printer, and rolls out to the ones that are chosen', async () => {
    await page.goto(`${server.url}/printers`);
    await page.getByLabel('Search').fill('virtual printer 1');
    await page
      .getByText(/1 to 11 of 11/)
      .first()
      .waitFor();
    await page.getByRole('checkbox', { name: /all on this page/i }).check();
    await page.getByRole('link', { name: /Roll out/ }).click();
    await page.getByRole('heading', { level: 1, name: 'New rollout' }).waitFor();
    const uuids = await page.getByLabel('UUIDs of printers').inputValue();
    expect(uuids.trim().split('\n')).toHaveLength(11);
  });

  it('watches virtual printers that the console itself has added', async () => {
    await page.goto(`${server.url}/try`);
    await page.getByLabel('How many').fill('5');
    await page.getByRole('button', { name: 'Add printers' }).click();
    await eventually(
      'they are connected',
      () => server.request<{ total: number }>('GET', '/api/printers?online=true'),
      ({ body }) => body.total === PRINTERS + 5,
    );
    await eventually(
      'they are listed',
      () => page.locator('table.simulated tbody tr').count(),
      (rows) => rows === 5,
    );
  });

  it('promotes a version without a second upload', async () => {
    await page.goto(`${server.url}/firmware`);
    const row = page.getByRole('row').filter({ hasText: '1.6.0' });
    await row.getByRole('button', { name: 'Details' }).click();
    await page
      .getByRole('button', { name: /Promote/ })
      .first()
      .click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /Promote/ })
      .last()
      .click();
    await eventually(
      'it is in beta',
      () => server.request('GET', '/api/firmware/1.6.0?channel=beta'),
      ({ status }) => status === 200,
    );
  });

  it('has met no error of a script, and no refusal by the content security policy', () => {
    expect(complaints).toEqual([]);
  });

  async function ended(id: number): Promise<void> {
    await eventually(
      'nothing is in progress',
      () => rollout(server, id),
      (seen) => seen.in_progress_count === 0 && seen.completed_count > 0,
      60_000,
    );
  }

  async function shows(state: string, value: number): Promise<void> {
    const progress = page.getByRole('region', { name: 'Progress' });
    await progress
      .locator('li', { hasText: state })
      .getByText(String(value), { exact: true })
      .first()
      .waitFor();
  }
});
