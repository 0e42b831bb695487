import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../../src/simulator/fleet.js';
import type { FleetOptions } from '../../src/simulator/fleet.js';
import { eventually } from '../support/eventually.js';
import { binary, counts, patch, roll, rollout, upload } from '../support/factories.js';
import type { Reachable } from '../support/server.js';

/** A fleet in the middle of its life. */
export interface Scene {
  /** A gradual rollout with something in each of its counters. */
  rolloutId: number;
  /** A printer on which an update has failed. */
  printerId: number;
  stop: () => Promise<void>;
}

/** The pages to take pictures of, each with its name. */
export const PAGES = (scene: Scene): Array<[name: string, path: string]> => [
  ['fleet', '/'],
  ['printers', '/printers'],
  ['printer', `/printers/${scene.printerId}`],
  ['firmware', '/firmware'],
  ['new-rollout', '/rollouts/new?version=1.6.0-beta.1'],
  ['rollouts', '/rollouts'],
  ['rollout', `/rollouts/${scene.rolloutId}`],
  ['inbox', '/inbox'],
  ['try-it', '/try'],
];

/**
 * Makes a fleet with printers that are on time, behind, offline and failing, and rollouts in every state.
 *
 * @param pauseMs how long a rollout runs before it is widened: plots over time need some seconds to show anything
 */
export async function setScene(server: Reachable, pauseMs = 6_000): Promise<Scene> {
  await uploadAll(server);
  const online = new Fleet(options(server, { printers: 180, seed: 'online' }));
  const offline = new Fleet(options(server, { printers: 40, seed: 'offline', failing: 0, hanging: 0 }));
  await online.start();
  await offline.start();
  await eventually('all are there', () => online.counts().online + offline.counts().online === 220);
  await offline.stop();

  const first = await roll(server, '1.4.0', { target: { all: true } });
  await settled(server, first.id);
  const canary = await roll(server, '1.5.0', { target: { channels: ['canary'] } });
  await settled(server, canary.id);
  const gradual = await roll(server, '1.5.0', {
    target: { channels: ['stable', 'beta'], min_version: '1.0.0' },
    rollout_type: 'gradual',
    rollout_percentage: 10,
  });
  for (const rollout_percentage of [25, 50]) {
    await sleep(pauseMs);
    await patch(server, gradual.id, { rollout_percentage });
  }
  await roll(server, '1.6.0-beta.1', {
    target: { channels: ['canary'] },
    rollout_type: 'scheduled',
    scheduled_for: new Date(Date.now() + 11 * 3_600_000).toISOString(),
  });
  const mistake = await roll(server, '1.6.0-beta.1', {
    target: { channels: ['beta'] },
    rollout_type: 'gradual',
    rollout_percentage: 0,
  });
  await patch(server, mistake.id, { status: 'cancelled' });
  await sleep(pauseMs);
  await server.request('POST', '/api/simulator', { printers: 12, version: '1.4.0', channel: 'stable' });
  await sleep(pauseMs / 3);
  return {
    rolloutId: gradual.id,
    printerId: await failedPrinter(server, gradual.id),
    stop: () => online.stop(),
  };
}

async function uploadAll(server: Reachable): Promise<void> {
  const bytes = binary(412_000);
  await upload(server, '1.3.0', { channel: 'stable', release_notes: 'The first one for everybody' });
  await upload(server, '1.4.0', {
    channel: 'stable',
    release_notes: 'Sharper print, quieter motor',
    changelog: '- Heats in two passes\n- Slows the motor at the end of a line',
  });
  for (const channel of ['canary', 'beta', 'stable']) {
    const notes = { release_notes: 'Fixes the paper sensor', min_upgrade_version: '1.0.0' };
    await upload(server, '1.5.0', { channel, ...notes }, bytes);
  }
  await upload(server, '1.6.0-beta.1', {
    channel: 'canary',
    release_notes: 'Prints pictures',
    changelog: '- New: pictures, dithered\n- New: a queue of 20 jobs\n- Needs 12 KiB more memory',
  });
  await upload(server, '1.6.0-beta.1', { channel: 'canary', platform: 'esp32' });
}

function options(server: Reachable, changes: Partial<FleetOptions>): FleetOptions {
  return {
    server: server.url,
    printers: 0,
    users: 12,
    seed: '',
    versions: ['1.3.0', '1.4.0'],
    channels: { beta: 0.2, canary: 0.05 },
    platforms: ['esp8266', 'esp32'],
    failing: 0.05,
    declining: 0.04,
    hanging: 0.03,
    rollingBack: 0.02,
    rebootMs: 1_500,
    ...changes,
  };
}

async function settled(server: Reachable, id: number): Promise<void> {
  await eventually(
    `rollout ${id} has come far`,
    () => counts(server, id),
    ([, inProgress = 0, completed = 0]) => completed > 0 && inProgress <= 8,
    60_000,
  );
}

async function failedPrinter(server: Reachable, id: number): Promise<number> {
  interface Updates {
    updates: Array<{ printer: { id: number } }>;
  }
  const { failed_count: failed } = await rollout(server, id);
  const status = failed > 0 ? 'failed' : 'completed';
  const { body } = await server.request<Updates>('GET', `/api/rollouts/${id}/updates?status=${status}`);
  return body.updates[0]?.printer.id ?? 1;
}
