import { Injectable, Logger } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { UpdateStatus } from '../rules/status.js';

/** UUIDs of the printers that may have an update now; `all` if a rollout has changed. */
export type PrintersMayHaveUpdates = readonly string[] | 'all';

/** The end of an update, or that it was taken back. */
export interface UpdateEnd {
  /** Null if it was taken back: it is pending again. */
  status: Exclude<UpdateStatus, 'in_progress'> | null;
  /** Seconds since it was opened. */
  seconds: number;
  /** For the log. */
  description: string;
}

/** Tells the gateway when to ask for offers again. A lost event heals at the printer's next connect. */
@Injectable()
export class RolloutEvents {
  private readonly subject = new Subject<PrintersMayHaveUpdates>();
  private readonly ends = new Subject<UpdateEnd>();
  private readonly logger = new Logger('Update');

  /** Emits after the commit of the change that caused it. */
  get printersMayHaveUpdates(): Observable<PrintersMayHaveUpdates> {
    return this.subject.asObservable();
  }

  /** Emits after the commit that ended each update. */
  get updateEnded(): Observable<UpdateEnd> {
    return this.ends.asObservable();
  }

  /** Call it after the commit. */
  publish(printers: PrintersMayHaveUpdates): void {
    this.subject.next(printers);
  }

  /** Call it after the commit. */
  ended(updates: readonly UpdateEnd[]): void {
    for (const update of updates) {
      this.logger.log(update.description);
      this.ends.next(update);
    }
  }
}
