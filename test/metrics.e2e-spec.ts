import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from './support/eventually.js';
import { connected, counts, printer, roll, upload } from './support/factories.js';
import { TestServer } from './support/server.js';

describe('The metrics', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await TestServer.start();
    await upload(server, '1.5.0');
  });
  afterAll(() => server.stop());

  async function scrape(): Promise<string[]> {
    const answer = await server.request<string>('GET', '/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    return answer.body.split('\n');
  }

  it('count printers, sockets, targets and updates as they are', async () => {
    const done = await connected(server, { platform: 'esp32' });
    const failing = await connected(server, { behaviour: 'fail' });
    const silent = await connected(server, { behaviour: 'hang' });
    const gone = await connected(server, { version: '1.3.0', behaviour: 'hang' });
    await gone.stop();
    const { id } = await roll(server, '1.5.0');
    await eventually(
      'one of each',
      () => counts(server, id),
      (seen) => seen.join() === '1,1,1,1,0',
    );
    await eventually('it is back', () => done.subscribed);
    await eventually('all sockets are counted', async () =>
      (await scrape()).includes('paperminder_ws_connections 3'),
    );
    expect(await scrape()).toEqual(
      expect.arrayContaining([
        'paperminder_build_info{version="0.1.0"} 1',
        'paperminder_printers{state="online"} 3',
        'paperminder_printers{state="offline"} 1',
        'paperminder_printers_by_version{version="1.5.0"} 1',
        'paperminder_printers_by_version{version="1.4.0"} 2',
        'paperminder_printers_by_version{version="1.3.0"} 1',
        `paperminder_rollout_targets{rollout_id="${id}",status="pending"} 1`,
        `paperminder_rollout_targets{rollout_id="${id}",status="in_progress"} 1`,
        `paperminder_rollout_targets{rollout_id="${id}",status="completed"} 1`,
        `paperminder_rollout_targets{rollout_id="${id}",status="failed"} 1`,
        'paperminder_updates_total{result="completed"} 1',
        'paperminder_updates_total{result="failed"} 1',
        'paperminder_update_duration_seconds_count 1',
      ]),
    );
    await server.request('PATCH', `/api/rollouts/${id}`, { status: 'paused' });
    expect((await scrape()).filter((line) => line.startsWith('paperminder_rollout_targets{'))).toEqual([]);
    await Promise.all([done, failing, silent].map((one) => one.stop()));
  });

  it('name routes, never paths', async () => {
    await server.request('GET', '/api/printers/1');
    await server.request('GET', '/wp-admin/1234');
    const requests = (await scrape()).filter((line) =>
      line.startsWith('http_request_duration_seconds_count'),
    );
    expect(requests.join('\n')).toContain('method="GET",route="/api/printers/:printer_id",status="200"');
    expect(requests.join('\n')).toContain('route="unmatched",status="404"');
    expect(requests.join('\n')).not.toContain('1234');
  });

  it('name no more versions than a fleet has, whatever printers claim', async () => {
    const fleet = Array.from({ length: 60 }, (_, index) =>
      printer(server, { version: `9.0.${index}` }).start(),
    );
    await eventually('all have subscribed', () => fleet.every((one) => one.subscribed));
    const versions = (await scrape()).filter((line) => line.startsWith('paperminder_printers_by_version{'));
    expect(versions).toHaveLength(51);
    expect(versions.join('\n')).toContain('version="other"');
    await Promise.all(fleet.map((one) => one.stop()));
  });

  it('measure the event loop and the groups of commits', async () => {
    const text = (await scrape()).join('\n');
    expect(text).toMatch(/paperminder_group_commit_size_count [1-9]/);
    expect(text).toMatch(/paperminder_group_commit_duration_seconds_count [1-9]/);
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds \d/);
    expect(text).toMatch(/process_resident_memory_bytes \d/);
  });
});
