import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { roll, upload } from '../support/factories.js';
import type { Reachable } from '../support/server.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('The console of a server that asks for keys', () => {
  let server: TestServer;
  let browser: Browser;
  let admin: string;
  let reader: string;

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser();
    admin = await makeKey('admin', ['admin'], {});
    reader = await makeKey('reader', ['read'], { authorization: `Bearer ${admin}` });
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  async function makeKey(name: string, scopes: string[], headers: Record<string, string>): Promise<string> {
    const { body } = await server.request<{ key: string }>('POST', '/api/keys', { name, scopes }, headers);
    return body.key;
  }

  it('asks for a key, refuses a wrong one in the words of the server, and goes on with a right one', async () => {
    const { page, complaints } = await openTab(browser);
    await page.goto(`${server.url}/firmware`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.locator('input[name=key]:focus').waitFor();
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    // Said once, so that it is found.
    await page.getByText('The API key is unknown, revoked or expired').waitFor();
    await page.getByText('Not signed in', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Sign out' }).count()).toBe(0);
    await page.getByLabel('API key').fill(admin);
    await page.keyboard.press('Enter');
    await page.locator('main:focus').waitFor();
    await page.getByRole('heading', { level: 1, name: 'Firmware' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('forgets the key with the tab, unless it is to be remembered', async () => {
    const { page } = await openTab(browser);
    const context = page.context();
    await page.goto(server.url);
    await signIn(page, admin);
    await page.getByText('Live', { exact: true }).waitFor();
    const another = await context.newPage();
    await another.goto(server.url);
    await another.getByRole('heading', { name: 'Sign in' }).waitFor();
    await another.getByLabel('API key').fill(admin);
    await another.getByLabel('Remember the key in this browser').check();
    await another.getByRole('button', { name: 'Sign in' }).click();
    await another.getByText('Live', { exact: true }).waitFor();
    const third = await context.newPage();
    await third.goto(server.url);
    await third.getByText('Live', { exact: true }).waitFor();
    await third.getByRole('button', { name: 'Sign out' }).click();
    await third.getByRole('heading', { name: 'Sign in' }).waitFor();
    await context.close();
  });

  it('finds what was typed again, when a key ends in the middle of it', async () => {
    const headers = { authorization: `Bearer ${admin}` };
    const body = { name: 'for a moment', scopes: ['firmware:write'] };
    const made = await server.request<{ id: number; key: string }>('POST', '/api/keys', body, headers);
    const { page } = await openTab(browser);
    await page.goto(`${server.url}/firmware`);
    await signIn(page, made.body.key);
    await page.getByRole('heading', { level: 1, name: 'Firmware' }).waitFor();
    await chooseFile(page);
    await page.getByLabel('Release notes').fill('Typed with care');
    await server.request('DELETE', `/api/keys/${made.body.id}`, undefined, headers);
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await signIn(page, admin);
    await page.getByRole('heading', { level: 1, name: 'Firmware' }).waitFor();
    expect(await page.getByLabel('Release notes').inputValue()).toBe('Typed with care');
    expect(await page.title()).toBe('Firmware · PaperMinder');
    await page.getByRole('button', { name: 'Upload', exact: true }).click();
    await page
      .getByRole('region', { name: 'Upload' })
      .getByRole('link', { name: 'Roll out 1.5.0' })
      .waitFor();
    await page.context().close();
  });

  it('says who is signed in, and disables what a key may not do, with the reason', async () => {
    await upload(as(admin), '1.6.0');
    const rollout = await roll(as(admin), '1.6.0');
    const { page, complaints } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
    await page.goto(`${server.url}/firmware`);
    await signIn(page, reader);
    await page.getByText('Signed in as reader read').waitFor();
    await chooseFile(page);
    const reason = (scope: string): RegExp =>
      new RegExp(`^This needs the scope ${scope}. The key “reader” has: read`);
    await expectDisabled(page, 'Upload', reason('firmware:write'));
    await page.goto(`${server.url}/rollouts/${rollout.id}`);
    for (const name of ['Pause', 'Cancel', 'Delete'])
      await expectDisabled(page, name, reason('rollouts:write'));
    // To look at what would happen changes nothing.
    await page.goto(`${server.url}/rollouts/new?version=1.6.0`);
    await page
      .getByRole('region', { name: 'Preview' })
      .getByText(/0 of 0 printers match/)
      .waitFor();
    await expectDisabled(page, 'Create rollout', reason('rollouts:write'));
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('disables nothing for an admin', async () => {
    const { page } = await openTab(browser);
    await page.goto(`${server.url}/firmware?open=1.6.0`);
    await signIn(page, admin);
    await page.getByText('Signed in as admin admin').waitFor();
    for (const name of ['Edit', 'Deprecate', 'Delete'])
      expect(await page.getByRole('button', { name, exact: true }).isEnabled()).toBe(true);
    await page.context().close();
  });

  function as(key: string): Reachable {
    const headers = { authorization: `Bearer ${key}` };
    return {
      url: server.url,
      request: (method, path, body) => server.request(method, path, body, headers),
    };
  }
});

/** A button that cannot be pressed says why to everybody: on hover, to a screen reader, and beside it. */
async function expectDisabled(page: Page, name: string, reason: RegExp): Promise<void> {
  const button = page.getByRole('button', { name, exact: true });
  await page.locator('button:disabled', { hasText: name }).first().waitFor();
  expect(await button.getAttribute('title')).toMatch(reason);
  expect(await button.getAttribute('aria-description')).toMatch(reason);
  await page.locator('p').getByText(reason).first().waitFor();
}

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function chooseFile(page: Page): Promise<void> {
  await page.setInputFiles('input[type=file]', {
    name: 'paperminder-1.5.0.bin',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from('firmware'),
  });
}
