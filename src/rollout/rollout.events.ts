import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';

/** These printers (UUIDs) may have something now; `all` where a rollout has changed. */
export type PrintersMayHaveUpdates = readonly string[] | 'all';

/** Tells whoever holds connections that it is worth asking again. A lost event heals at the next connect. */
@Injectable()
export class RolloutEvents {
  private readonly subject = new Subject<PrintersMayHaveUpdates>();

  /** Emits after the commit of what caused it. */
  get printersMayHaveUpdates(): Observable<PrintersMayHaveUpdates> {
    return this.subject.asObservable();
  }

  /** To be called after the commit. */
  publish(printers: PrintersMayHaveUpdates): void {
    this.subject.next(printers);
  }
}
