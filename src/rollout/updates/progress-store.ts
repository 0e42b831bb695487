import { Injectable } from '@nestjs/common';
import { Changes } from '../../database/changes.js';
import { IN_TEXTS, jsonList, jsonRows, rowsOf } from '../../database/sql.js';
import type { Transaction } from '../../database/transaction.js';
import { ServiceTime } from '../store/service-time.js';
import type { PrinterJob } from './plan/jobs.js';
import { isFailure } from './plan/report.js';

/** A report that moves the progress of an update, and nothing else. */
export interface ProgressReport {
  uuid: string;
  percent: number | null;
  status: string | null;
}

const NUMBERS = `SELECT uuid, id FROM printer WHERE uuid ${IN_TEXTS}`;
const PROGRESS = `UPDATE printer_update SET last_heard = ?,
    last_percent = coalesce(report.percent, printer_update.last_percent),
    last_status_message = coalesce(report.message, printer_update.last_status_message)
  FROM ${rowsOf({ printer_id: 'integer', percent: 'integer', message: 'text' })} AS report
  WHERE printer_update.printer_id = report.printer_id AND printer_update.status = 'in_progress'
  RETURNING printer_update.printer_id`;

/**
 * Saves progress without loading and planning: nine of ten messages of an updating fleet are progress, and this costs a fifth
 * (bench/README.md). It does exactly what the plan does with such a report (`takeReport`).
 */
@Injectable()
export class ProgressStore {
  constructor(
    private readonly serviceTime: ServiceTime,
    private readonly changes: Changes,
  ) {}

  /**
   * Saves the progress of updates that are in progress.
   *
   * @param reports at most one of each printer
   * @returns the UUIDs of the printers whose report is saved; the plan must say what becomes of the others
   */
  async save(tx: Transaction, reports: readonly ProgressReport[]): Promise<Set<string>> {
    if (reports.length === 0) return new Set();
    const found = await tx.sql.values(NUMBERS, jsonList(reports.map(({ uuid }) => uuid)));
    const numbers = new Map(found.map(([uuid, id]) => [String(uuid), Number(id)]));
    const rows = reports.flatMap(({ uuid, percent, status }) => {
      const id = numbers.get(uuid);
      return id === undefined ? [] : [[id, percent, status]];
    });
    const saved = await tx.sql.values(PROGRESS, this.serviceTime.now(), jsonRows(rows));
    const ids = new Set(saved.map(([id]) => Number(id)));
    for (const id of ids) this.changes.printerIn(tx, id);
    return new Set([...numbers].filter(([, id]) => ids.has(id)).map(([uuid]) => uuid));
  }
}

/**
 * The jobs that `ProgressStore` can carry out: progress of a printer that no other job of the batch concerns, over the connection that
 * speaks for it and does not subscribe in the batch.
 */
export function progressReports(jobs: readonly PrinterJob[]): ProgressReport[] {
  const seen = new Map<string | number, number>();
  for (const job of jobs) seen.set(keyOf(job), (seen.get(keyOf(job)) ?? 0) + 1);
  // A job that names its printer by its number may concern any of them.
  if (jobs.some((job) => 'printerId' in job)) return [];
  const subscribing = new Set(jobs.flatMap((job) => (job.kind === 'subscribe' ? [job.speaker] : [])));
  return jobs.flatMap((job) => {
    if (job.kind !== 'report' || job.report.kind !== 'progress' || isFailure(job.report)) return [];
    if (!job.speaks || seen.get(job.uuid) !== 1 || subscribing.has(job.speaker)) return [];
    const { percent, status } = job.report;
    return [{ uuid: job.uuid, percent, status }];
  });
}

function keyOf(job: PrinterJob): string | number {
  if ('printerId' in job) return job.printerId;
  return job.kind === 'subscribe' ? job.request.uuid : job.uuid;
}
