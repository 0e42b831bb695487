import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { AppConfig } from '../../src/config/config.js';
import { dataSourceOptions } from '../../src/database/data-source.js';

// On the process, because this file is loaded again for every test file; the migrations themselves are not.
const MIGRATED = Symbol.for('paperminder.migrated-database');
const shared = globalThis as { [MIGRATED]?: Promise<Buffer> };

/** Writes an empty database that has run all migrations; they run once for all the servers of a jest worker. */
export async function writeMigratedDatabase(path: string): Promise<void> {
  shared[MIGRATED] ??= migrate();
  await writeFile(path, await shared[MIGRATED]);
}

async function migrate(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'paperminder-migrated-'));
  try {
    const path = join(folder, 'paperminder.db');
    const config = new AppConfig({ DATABASE_URL: `sqlite:///${path}` });
    const dataSource = await new DataSource(dataSourceOptions(config)).initialize();
    // Brings everything that is in the write-ahead log into the file.
    await dataSource.destroy();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
