import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import type { Operator } from './operator.js';
import type { RecordingPrinter } from './recording-printer.js';

type Row = Record<string, number | string | null>;

const COUNTERS = `SELECT r.id,
    r.pending_count || ' ' || r.in_progress_count || ' ' || r.completed_count || ' ' || r.failed_count || ' ' ||
      r.declined_count AS kept,
    (SELECT count(*) FROM printer p WHERE p.version_key < r.version_key AND NOT EXISTS
      (SELECT 1 FROM printer_update u WHERE u.rollout_id = r.id AND u.printer_id = p.id AND u.superseded = 0))
      || ' ' || sum(u.status IS 'in_progress') || ' ' || sum(u.status IS 'completed') || ' ' ||
      sum(u.status IS 'failed') || ' ' || sum(u.status IS 'declined') AS counted
  FROM rollout r LEFT JOIN printer_update u ON u.rollout_id = r.id AND u.superseded = 0 GROUP BY r.id`;

const FIRMWARE_COUNTERS = `SELECT f.version, f.success_count || ' ' || f.failure_count AS kept,
    coalesce(sum(u.status IS 'completed'), 0) || ' ' || coalesce(sum(u.status IS 'failed'), 0) AS counted
  FROM firmware f LEFT JOIN printer_update u ON u.firmware_id = f.id GROUP BY f.id`;

/**
 * Reads the database of a server that was killed, as it lies there, and compares it with what was acknowledged. Rollouts must be for
 * all printers, and never cancelled: then a target is who runs an older version.
 *
 * @returns what is wrong, in words
 */
export function audit(
  folder: string,
  operator: Pick<Operator, 'uploads' | 'ended'>,
  printers: ReadonlyArray<Pick<RecordingPrinter, 'options' | 'orders' | 'accepted' | 'version'>>,
): string[] {
  // A copy: the server itself is to recover what its death has left behind.
  const copy = mkdtempSync(join(tmpdir(), 'paperminder-copy-'));
  for (const name of ['paperminder.db', 'paperminder.db-wal'])
    if (existsSync(join(folder, name))) copyFileSync(join(folder, name), join(copy, name));
  const database = new SqliteDatabase(join(copy, 'paperminder.db'));
  const all = (sql: string): Row[] => database.prepare<[], Row>(sql).all();
  try {
    const wrong: string[] = [];
    const integrity = database.pragma('integrity_check', { simple: true });
    if (integrity !== 'ok') wrong.push(`the database file is broken: ${String(integrity)}`);
    for (const { id, kept, counted } of all(COUNTERS))
      if (kept !== counted) wrong.push(`rollout ${id} counts ${kept}, its rows are ${counted}`);
    for (const { version, kept, counted } of all(FIRMWARE_COUNTERS))
      if (kept !== counted) wrong.push(`firmware ${version} counts ${kept}, its rows are ${counted}`);
    const updates = all(
      'SELECT u.id, u.status, u.firmware_version AS version, p.uuid FROM printer_update u JOIN printer p ON p.id = u.printer_id',
    );
    const ended = new Set(updates.filter(({ status }) => status !== 'in_progress').map(({ id }) => id));
    for (const id of operator.ended)
      if (!ended.has(id)) wrong.push(`update ${id} was seen as ended, and is not`);
    const underWay = updates.filter(({ status }) => status === 'in_progress').map(({ uuid }) => uuid);
    if (new Set(underWay).size < underWay.length) wrong.push('a printer has two updates under way');
    const sent = new Set(updates.map(({ uuid, version }) => `${uuid} ${version}`));
    const runs = new Map(
      all('SELECT uuid, firmware_version FROM printer').map((row) => [row.uuid, row.firmware_version]),
    );
    for (const printer of printers) {
      const { uuid } = printer.options;
      for (const { version } of printer.orders)
        if (!sent.has(`${uuid} ${version}`)) wrong.push(`${uuid} was sent ${version}, which stands nowhere`);
      const { accepted, version } = printer;
      const known = runs.get(uuid);
      if (accepted !== null && known !== accepted && known !== version)
        wrong.push(`${uuid} subscribed with ${accepted}, on record is ${String(known)}`);
    }
    const firmware = new Map(
      all('SELECT version, sha256 FROM firmware').map((row) => [row.version, row.sha256]),
    );
    for (const [version, sha256] of operator.uploads) {
      const file = join(folder, 'uploads', sha256);
      const holds =
        existsSync(file) && createHash('sha256').update(readFileSync(file)).digest('hex') === sha256;
      if (firmware.get(version) !== sha256 || !holds)
        wrong.push(`firmware ${version} was uploaded, and is lost`);
    }
    return wrong;
  } finally {
    database.close();
    rmSync(copy, { recursive: true });
  }
}
