import Database from 'better-sqlite3';
import { isRecord } from '../ipc.js';
import { readRollout } from '../rest.js';

// Targets without an update, said once more and in other words than the server's: `decisions.md`, "Which printers a rollout
// moves", for rollouts to all with one build for every board.
const PENDING = `
  SELECT count(*) AS n FROM printer p, rollout r
  WHERE r.id = ?
    AND (p.version_key < r.version_key OR (p.version_key > r.version_key AND EXISTS (
      SELECT 1 FROM rollout_cancellation c WHERE c.rollout_id = p.version_rollout_id AND c.newest_rollout_id < r.id)
      AND NOT EXISTS (SELECT 1 FROM rollout n WHERE n.id > r.id AND n.status NOT IN ('cancelled', 'scheduled'))))
    AND NOT (instr(' ' || coalesce(p.moved_back, ''), ' ' || r.firmware_version || '@') > 0 AND CAST(substr(p.moved_back,
      instr(' ' || p.moved_back, ' ' || r.firmware_version || '@') + length(r.firmware_version) + 1) AS integer) > r.id)
    AND NOT EXISTS (
      SELECT 1 FROM printer_update u WHERE u.printer_id = p.id AND u.rollout_id = r.id AND u.superseded = 0)`;
const ROWS =
  'SELECT count(*) AS n FROM printer_update WHERE rollout_id = ? AND superseded = 0 AND status = ?';

/** Compares the counters of rollouts with the rows, and describes each difference. */
export async function wrongCounters(
  port: number,
  file: string,
  rollouts: readonly number[],
): Promise<{ lines: string[]; updates: number }> {
  const database = new Database(file, { readonly: true });
  const count = (sql: string, ...values: unknown[]): number => {
    const row: unknown = database.prepare(sql).get(...values);
    return isRecord(row) ? Number(row.n) : NaN;
  };
  const lines: string[] = [];
  for (const id of rollouts) {
    const state = await readRollout(port, id);
    const rows = {
      // How many were pending when it was cancelled is not to be seen in the rows of today.
      pending: state.status === 'cancelled' ? state.pending_count : count(PENDING, id),
      in_progress: count(ROWS, id, 'in_progress'),
      completed: count(ROWS, id, 'completed'),
      failed: count(ROWS, id, 'failed'),
      declined: count(ROWS, id, 'declined'),
    };
    const told = {
      pending: state.pending_count,
      in_progress: state.in_progress_count,
      completed: state.completed_count,
      failed: state.failed_count,
      declined: state.declined_count,
    };
    const sum = Object.values(told).reduce((total, one) => total + one, 0);
    if (JSON.stringify(rows) !== JSON.stringify(told) || sum !== state.total_targets) {
      const total = `total_targets ${state.total_targets}`;
      lines.push(`rollout ${id}: rows ${JSON.stringify(rows)}, answer ${JSON.stringify(told)}, ${total}`);
    }
  }
  const updates = count('SELECT count(*) AS n FROM printer_update');
  database.close();
  return { lines, updates };
}
