import { Injectable } from '@nestjs/common';
import { AppConfig } from '../../config/config.js';
import { Database } from '../../database/database.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { ServiceTime } from '../store/service-time.js';
import { Inbox } from './inbox.js';
import type { UpdateLimit } from './plan/jobs.js';

// Updates ended at a time.
const SLICE = 500;
// Grace period after an outage: a power cut also restarts the boards and their Wi-Fi.
const GRACE_MS = 5 * 60_000;

const COLUMNS = { lastHeard: 'last_heard', lastSent: 'last_sent' } as const satisfies Record<
  UpdateLimit['column'],
  string
>;

/**
 * Fails updates whose printer was silent for too long, or that have not ended in time after they were last sent. Both are counted while
 * the server runs (`ServiceTime`).
 */
@Injectable()
export class UpdateLimits {
  private readonly limits: readonly UpdateLimit[];
  private readonly graceMs: number;

  constructor(
    private readonly database: Database,
    private readonly inbox: Inbox,
    private readonly events: RolloutEvents,
    private readonly serviceTime: ServiceTime,
    { updateTimeoutMs, updateDeadlineMs }: AppConfig,
  ) {
    this.limits = [
      {
        column: 'lastHeard',
        seconds: updateTimeoutMs / 1_000,
        error: `no progress for ${updateTimeoutMs / 60_000} minutes`,
      },
      {
        column: 'lastSent',
        seconds: updateDeadlineMs / 1_000,
        error: `not finished ${updateDeadlineMs / 60_000} minutes after it was sent`,
      },
    ];
    this.graceMs = Math.min(GRACE_MS, updateTimeoutMs, updateDeadlineMs);
  }

  /** Ends every update in progress that has reached one of its limits; none just after a start or a suspension. */
  async check(): Promise<void> {
    await this.serviceTime.save();
    if (this.serviceTime.sinceInterruption() < this.graceMs) return;
    for (const limit of this.limits) {
      while ((await this.checkSlice(limit)) === SLICE);
    }
  }

  /** @returns the number of updates that it has read, all of which have ended */
  private async checkSlice(limit: UpdateLimit): Promise<number> {
    const column = COLUMNS[limit.column];
    const printers = await this.database.committed.values(
      `SELECT printer_id FROM printer_update WHERE status = 'in_progress' AND ${column} <= ? ORDER BY ${column} LIMIT ?`,
      this.serviceTime.now() - limit.seconds,
      SLICE,
    );
    const results = await Promise.allSettled(printers.map(([id]) => this.end(Number(id), limit)));
    this.events.publish(results.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : [])));
    const failed = results.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    return printers.length;
  }

  /** @returns the UUID of the printer if another update may be due for it now */
  private end(printerId: number, limit: UpdateLimit): Promise<string | null> {
    return new Promise((resolve, reject) => {
      this.inbox.submit({
        job: () => ({ kind: 'limit', printerId, limit }),
        done: (result) => resolve(result?.mayHaveUpdate ? result.uuid : null),
        failed: reject,
      });
    });
  }
}
