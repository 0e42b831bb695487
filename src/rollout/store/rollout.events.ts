import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { UpdateStatus } from '../rules/status.js';

/** These printers (UUIDs) may have something now; `all` where a rollout has changed. */
export type PrintersMayHaveUpdates = readonly string[] | 'all';

/** An update has come to an end. */
export interface UpdateEnded {
  status: Exclude<UpdateStatus, 'in_progress'>;
  /** How long it took since it was opened. */
  seconds: number;
}

/** Tells whoever holds connections that it is worth asking again. A lost event heals at the next connect. */
@Injectable()
export class RolloutEvents {
  private readonly subject = new Subject<PrintersMayHaveUpdates>();
  private readonly outcomes = new Subject<UpdateEnded>();

  /** Emits after the commit of what caused it. */
  get printersMayHaveUpdates(): Observable<PrintersMayHaveUpdates> {
    return this.subject.asObservable();
  }

  /** Emits after the commit of every update's end. */
  get updateEnded(): Observable<UpdateEnded> {
    return this.outcomes.asObservable();
  }

  /** To be called after the commit. */
  publish(printers: PrintersMayHaveUpdates): void {
    this.subject.next(printers);
  }

  /** To be called after the commit. */
  ended(update: UpdateEnded): void {
    this.outcomes.next(update);
  }
}
