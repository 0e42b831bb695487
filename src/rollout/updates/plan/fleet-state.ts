import type { PrinterRefusedError } from '../../../common/errors.js';
import type { RegistrationRequest } from '../../../printer/registration/admission.js';
import type { SubscribeRequest } from '../../../printer/subscribe-request.js';
import type { UpdateEnd } from '../../store/rollout.events.js';
import type { PrinterState } from './printer-state.js';

/** A printer before and after a batch. */
export interface PrinterChange {
  /** Null if the printer is new. */
  before: PrinterState | null;
  after: PrinterState;
}

/** The part of the database that a batch works on: as it was loaded, and as the jobs so far have changed it. */
export class FleetState {
  private readonly loaded = new Map<string, PrinterState>();
  private readonly current = new Map<string, PrinterState>();
  private readonly uuids = new Map<number, string>();
  /** New requests for a registration, by UUID. */
  readonly newRequests = new Map<string, SubscribeRequest>();
  /** Refusals of new printers whose address has registered too many, by UUID. */
  readonly overLimit = new Map<string, PrinterRefusedError>();
  /** Updates that have ended, in order. */
  readonly ended: UpdateEnd[] = [];

  /**
   * @param requests printers that have asked to be registered, by UUID
   * @param pendingAtCancel pairs of a rollout that is cancelled and a printer that was pending then (`pairOf`)
   */
  constructor(
    states: Iterable<PrinterState>,
    private readonly requests: ReadonlyMap<string, RegistrationRequest>,
    private readonly pendingAtCancel: ReadonlySet<string>,
  ) {
    for (const state of states) {
      this.loaded.set(state.printer.uuid, state);
      this.current.set(state.printer.uuid, state);
      this.uuids.set(state.printer.id, state.printer.uuid);
    }
  }

  /** The printer with this UUID as it is now; null if there is none. */
  get(uuid: string): PrinterState | null {
    return this.current.get(uuid) ?? null;
  }

  /** The printer with this number. */
  byId(id: number): PrinterState | null {
    const uuid = this.uuids.get(id);
    return uuid === undefined ? null : this.get(uuid);
  }

  /** Replaces the state of a printer, or adds one. */
  set(state: PrinterState): void {
    this.current.set(state.printer.uuid, state);
  }

  /** What a printer that is not registered has asked for; null if it has not. */
  requestOf(uuid: string): RegistrationRequest | null {
    return this.requests.get(uuid) ?? null;
  }

  /** True if that rollout was cancelled while the printer was pending. */
  wasPendingAtCancel(rolloutId: number, printerId: number): boolean {
    return this.pendingAtCancel.has(pairOf(rolloutId, printerId));
  }

  /** The printers that the jobs have changed. */
  changes(): PrinterChange[] {
    return [...this.current]
      .map(([uuid, after]) => ({ before: this.loaded.get(uuid) ?? null, after }))
      .filter(({ before, after }) => before !== after);
  }
}

/** Names a rollout and a printer. */
export function pairOf(rolloutId: number, printerId: number): string {
  return `${rolloutId} ${printerId}`;
}
