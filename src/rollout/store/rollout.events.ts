import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { UpdateStatus } from '../rules/status.js';

/** UUIDs of the printers that may have an update now; `all` if a rollout has changed. */
export type PrintersMayHaveUpdates = readonly string[] | 'all';

/** An update that has ended. */
export interface UpdateEnded {
  status: Exclude<UpdateStatus, 'in_progress'>;
  /** Seconds since it was opened. */
  seconds: number;
}

/** Tells the gateway when to ask for offers again. A lost event heals at the printer's next connect. */
@Injectable()
export class RolloutEvents {
  private readonly subject = new Subject<PrintersMayHaveUpdates>();
  private readonly outcomes = new Subject<UpdateEnded>();

  /** Emits after the commit of the change that caused it. */
  get printersMayHaveUpdates(): Observable<PrintersMayHaveUpdates> {
    return this.subject.asObservable();
  }

  /** Emits after the commit that ended each update. */
  get updateEnded(): Observable<UpdateEnded> {
    return this.outcomes.asObservable();
  }

  /** Call it after the commit. */
  publish(printers: PrintersMayHaveUpdates): void {
    this.subject.next(printers);
  }

  /** Call it after the commit. */
  ended(update: UpdateEnded): void {
    this.outcomes.next(update);
  }
}
