import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { sqlInstant } from '../../src/database/table.js';
import type { ServerProcess } from '../support/server-process.js';

const MINUTES = 60_000;
const SAMPLES = 200;

/** Gives a server that is new a day behind it, as its sampler would have written it: a fleet that grows and moves to 1.4.0. */
export async function writeHistory(server: ServerProcess): Promise<void> {
  await server.end('SIGTERM');
  const database = new SqliteDatabase(join(server.folder, 'paperminder.db'));
  const insert = database.prepare(
    'INSERT INTO fleet_sample (at, grain, online, versions) VALUES (?, ?, ?, ?)',
  );
  const now = Date.now();
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const share = sample / SAMPLES;
    const fleet = 150 + Math.round(70 * share);
    const moved = Math.round(fleet * (0.1 + 0.45 / (1 + Math.exp(-14 * (share - 0.45)))));
    const versions = JSON.stringify({ '1.4.0': moved, '1.3.0': fleet - moved });
    const at = new Date(now - (SAMPLES - sample) * 7 * MINUTES + 4 * MINUTES);
    insert.run(sqlInstant(at), 'minutes', Math.round(fleet * 0.85), versions);
  }
  database.close();
  await server.boot();
}
