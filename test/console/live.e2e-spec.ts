import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openTab, startBrowser } from '../support/browser.js';
import { startConsoleServer } from '../support/console-server.js';
import { eventually } from '../support/eventually.js';
import { roll, rollout, upload } from '../support/factories.js';
import { RawSocket, subscribeMessage } from '../support/raw-socket.js';
import type { TestServer } from '../support/server.js';
import { describeInBrowser } from './in-browser.js';

describeInBrowser('The console while things happen', () => {
  let server: TestServer;
  let browser: Browser;
  let sockets: RawSocket[] = [];

  beforeAll(async () => {
    server = await startConsoleServer();
    browser = await startBrowser(true);
    await upload(server, '1.5.0');
  }, 120_000);
  afterEach(() => {
    for (const { socket } of sockets) socket.terminate();
    sockets = [];
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  async function connect(count: number): Promise<void> {
    sockets = await Promise.all(Array.from({ length: count }, () => RawSocket.open(server)));
    await Promise.all(sockets.map((socket) => socket.ask(subscribeMessage())));
  }

  it('says so when the server is gone, and goes on by itself when it is back', async () => {
    const { page, complaints } = await openTab(browser);
    await page.goto(server.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await server.restart(() => page.getByText('Connection lost: reconnecting').waitFor());
    await page.getByText('Live', { exact: true }).waitFor();
    await connect(3);
    await page.getByText(/3 of \d+ printers online/).waitFor();
    expect(complaints.filter((complaint) => !/ERR_CONNECTION_REFUSED|network/i.test(complaint))).toEqual([]);
    await page.context().close();
  });

  it('rests while nobody looks, and is up to date when somebody does', async () => {
    const { page } = await openTab(browser);
    const streams: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/api/events')) streams.push('opened');
    });
    page.on('requestfailed', (request) => {
      if (request.url().endsWith('/api/events')) streams.push('closed');
    });
    await page.goto(server.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await hide(page, true);
    await eventually(
      'the stream is closed',
      () => streams.join(),
      (seen) => seen === 'opened,closed',
    );
    await connect(2);
    await hide(page, false);
    await page.getByText(/2 of \d+ printers online/).waitFor();
    expect(streams.join()).toBe('opened,closed,opened');
    await page.context().close();
  });

  it('gives its connection back when its page is left, and takes one again on Back', async () => {
    const { page } = await openTab(browser);
    const path = ['/', '/firmware', '/rollouts', '/printers'];
    // A browser has six connections for one server.
    for (let visit = 0; visit < 9; visit += 1) {
      await page.goto(`${server.url}${path[visit % path.length]}`, { timeout: 5_000 });
      await page.getByText('Live', { exact: true }).waitFor();
    }
    await page.goBack({ waitUntil: 'commit' });
    await page.getByRole('heading', { level: 1, name: 'Printers' }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.context().close();
  });

  it('takes less than a third of a core while a thousand updates a second move', async () => {
    await connect(100);
    const { id } = await roll(server, '1.5.0');
    await eventually(
      'all updates are under way',
      () => rollout(server, id),
      ({ in_progress_count: underWay }) => underWay >= 100,
    );
    const { page } = await openTab(browser, { viewport: { width: 1280, height: 900 } });
    await page.goto(`${server.url}/rollouts/${id}?status=in_progress`);
    await page.getByRole('heading', { level: 1, name: /Rollout/ }).waitFor();
    const bars = page.locator('#updates progress');
    await bars.first().waitFor();
    let percent = 0;
    const timer = setInterval(() => {
      percent = (percent + 1) % 100;
      const report = JSON.stringify({
        kind: 'firmware_progress',
        percent,
        status: `Downloading ${percent}%`,
      });
      for (const { socket } of sockets) socket.send(report);
    }, 100);
    try {
      const session = await page.context().newCDPSession(page);
      await session.send('Performance.enable');
      const busy = async (): Promise<number> => {
        const { metrics } = await session.send('Performance.getMetrics');
        return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
      };
      await page.waitForTimeout(1_500);
      const before = [await busy(), performance.now()] as const;
      const values = new Set<string | null>();
      for (let look = 0; look < 10; look += 1) {
        await page.waitForTimeout(500);
        values.add(await bars.first().getAttribute('value'));
      }
      const share = ((await busy()) - before[0]) / ((performance.now() - before[1]) / 1_000);
      // The page lives: it is not idle because it has stopped to listen.
      expect(values.size).toBeGreaterThan(2);
      expect(share).toBeLessThan(0.3);
    } finally {
      clearInterval(timer);
      await page.context().close();
    }
  });
});

/** As the browser says it when its user looks into another tab. */
async function hide(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);
}
