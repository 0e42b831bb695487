import { closeSync, fsyncSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { bucketOf } from '../src/common/bucket.js';
import { versionKey } from '../src/common/version.js';
import { ALL_VERSIONS, printerAt } from './identity.js';
import { isRecord } from './ipc.js';

// Printers written between two checks for Ctrl-C.
const CHUNK = 20_000;
// Rollouts and builds of the past, which do not exist any more: no counter of an existing one is concerned.
const FIRST_PAST_ROLLOUT = 1_000_000;
const PAST_FIRMWARE = 1_000_000;

// What each column of the history gets; `p` is the printer and `k.n` the number of the update, the last one the newest.
const HISTORY: Readonly<Record<string, string>> = {
  rollout_id: `${FIRST_PAST_ROLLOUT} + k.n`,
  printer_id: 'p.id',
  firmware_id: String(PAST_FIRMWARE),
  firmware_version: `CASE WHEN k.n = @last THEN p.firmware_version ELSE '0.9.' || k.n END`,
  status: `'completed'`,
  attempts: '1',
  send_on_resume: '0',
  confirmed: '1',
  superseded: '0',
  error_message: 'NULL',
  started_at: `printf('2025-%02d-15 10:00:00.000', k.n + 1)`,
  completed_at: `printf('2025-%02d-15 10:02:30.000', k.n + 1)`,
  last_percent: '100',
  last_status_message: `'Update completed successfully'`,
  last_heard: '0',
  last_sent: '0',
  sequence: 'k.n + 1',
};

const CREATED_AT = '2025-01-01 09:00:00.000';
const LAST_CONNECTED = '2025-06-20 10:00:00.000';

/**
 * Fills a database, whose schema the server has made, with printers and their history. It writes the columns that there
 * are, so that it need not change with every column of the server.
 */
export async function seed(file: string, printers: number, updatesEach: number): Promise<void> {
  const database = new Database(file);
  // Nothing is lost if this breaks off: the file is thrown away then.
  for (const pragma of ['journal_mode = MEMORY', 'synchronous = OFF', 'foreign_keys = OFF'])
    database.pragma(pragma);
  database.pragma('cache_size = -800000');
  const insertPrinter = preparePrinter(database);
  const insertHistory = prepareHistory(database);
  const keys = new Map(ALL_VERSIONS.map((version) => [version, versionKey(version)]));
  for (let start = 0; start < printers; start += CHUNK) {
    const end = Math.min(printers, start + CHUNK);
    database.transaction(() => {
      for (let index = start; index < end; index += 1) {
        const printer = printerAt(index);
        insertPrinter.run({ ...printer, key: keys.get(printer.version), bucket: bucketOf(printer.uuid) });
      }
      // Printers have the numbers 1, 2, 3 and so on.
      insertHistory.run({ from: start + 1, to: end, last: updatesEach - 1 });
    })();
    await setImmediate();
  }
  fillPrinterCounts(database);
  database.pragma('journal_mode = WAL');
  database.close();
  flush(file);
}

function preparePrinter(database: Database.Database): Database.Statement {
  return insertInto(database, 'printer', (columns, values) => `(${columns}) VALUES (${values})`, {
    uuid: '@uuid',
    name: '@name',
    user_id: '@userId',
    platform: '@platform',
    firmware_version: '@version',
    reported_version: 'NULL',
    problems: 'NULL',
    has_problems: '0',
    version_key: '@key',
    version_rollout_id: 'NULL',
    previous_version: 'NULL',
    moved_back: 'NULL',
    bucket: '@bucket',
    auto_update: '1',
    update_channel: '@channel',
    key_hash: 'NULL',
    blocked: '0',
    last_connected: `'${LAST_CONNECTED}'`,
    last_ip: `'127.0.0.1'`,
    created_at: `'${CREATED_AT}'`,
  });
}

function prepareHistory(database: Database.Database): Database.Statement {
  const select = (columns: string, values: string): string =>
    `(${columns}) WITH k(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM k WHERE n < @last)
     SELECT ${values} FROM printer p CROSS JOIN k WHERE p.id BETWEEN @from AND @to AND @last >= 0`;
  return insertInto(database, 'printer_update', select, HISTORY);
}

/** One row for each combination, with its count: as the server keeps it. */
function fillPrinterCounts(database: Database.Database): void {
  database.exec(`
    INSERT INTO printer_count (update_channel, version_key, platform, version_rollout_id, previous_version, moved_back, bucket,
      blocked, printers)
    SELECT update_channel, version_key, coalesce(platform, ''), coalesce(version_rollout_id, 0),
      coalesce(previous_version, ''), coalesce(moved_back, ''), bucket, blocked, count(*)
    FROM printer GROUP BY 1, 2, 3, 4, 5, 6, 7, 8`);
}

function insertInto(
  database: Database.Database,
  table: string,
  rest: (columns: string, values: string) => string,
  values: Readonly<Record<string, string>>,
): Database.Statement {
  const columns = columnsOf(database, table).filter((column) => column !== 'id');
  const missing = columns.filter((column) => !(column in values));
  if (missing.length > 0) throw new Error(`seed.ts does not know ${table}.${missing.join(', ')}`);
  const expressions = columns.map((column) => values[column]).join(', ');
  return database.prepare(`INSERT INTO ${table} ${rest(columns.join(', '), expressions)}`);
}

function columnsOf(database: Database.Database, table: string): string[] {
  const rows: unknown[] = database.prepare(`SELECT name FROM pragma_table_info(?)`).all(table);
  return rows.map((row) => (isRecord(row) ? String(row.name) : ''));
}

/** Waits until the file is on disk: else the kernel would write it while something is measured. */
export function flush(file: string): void {
  const descriptor = openSync(file, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
