import { Injectable } from '@nestjs/common';
import { RolloutEvents } from '../store/rollout.events.js';
import { Inbox } from './inbox.js';
import { isFailure } from './plan/report.js';
import type { Report } from './plan/report.js';

/** The connection that a report came over. */
export interface ReportSource {
  /** True while it speaks for the printer. */
  mayReport(): boolean;
}

type Progress = Extract<Report, { kind: 'progress' }>;

/** Records what printers report. */
@Injectable()
export class UpdateReports {
  /** Progress that waits for its batch; only the latest of each connection is written. */
  private readonly waiting = new Map<ReportSource, Progress>();

  constructor(
    private readonly inbox: Inbox,
    private readonly events: RolloutEvents,
  ) {}

  /**
   * Records a report of a subscribed printer; drops it if its connection no longer speaks for the printer.
   *
   * @returns null if it was merged into one that waits to be written, whose promise was given to the first of them
   * @throws ValidationError if the printer was never sent the update that it reports on
   */
  report(uuid: string, report: Report, source: ReportSource): Promise<void> | null {
    if (report.kind !== 'progress' || isFailure(report)) return this.submit(uuid, () => report, source);
    const waiting = this.waiting.get(source);
    if (waiting) {
      waiting.percent = report.percent ?? waiting.percent;
      waiting.status = report.status ?? waiting.status;
      return null;
    }
    const latest = { ...report };
    this.waiting.set(source, latest);
    const taken = (): Progress => {
      this.waiting.delete(source);
      return latest;
    };
    return this.submit(uuid, taken, source).catch((error: unknown) => {
      // If no transaction could begin, nothing has taken it: later reports must not wait for it.
      if (this.waiting.get(source) === latest) this.waiting.delete(source);
      throw error;
    });
  }

  /** @param report called when the batch begins */
  private submit(uuid: string, report: () => Report, source: ReportSource): Promise<void> {
    return new Promise((resolve, reject) => {
      this.inbox.submit({
        job: () => ({ kind: 'report', uuid, report: report(), speaker: source, speaks: source.mayReport() }),
        done: (result) => {
          if (result?.refused) {
            reject(result.refused);
            return;
          }
          // Another rollout may have waited for this update to end.
          if (result?.mayHaveUpdate) this.events.publish([uuid]);
          resolve();
        },
        failed: reject,
      });
    });
  }
}
