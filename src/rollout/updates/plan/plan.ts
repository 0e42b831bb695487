import { ValidationError } from '../../../common/errors.js';
import type { DomainError, PrinterRefusedError } from '../../../common/errors.js';
import type { SubscribeRequest } from '../../../printer/subscribe-request.js';
import { admissionRefusal } from '../../../printer/registration/admission.js';
import type { PrinterUpdate } from '../../store/entities/printer-update.entity.js';
import type { PlanContext } from './context.js';
import { endingsOf } from './endings.js';
import type { FleetState } from './fleet-state.js';
import type { JobOf, Outcome, PrinterJob } from './jobs.js';
import { offerAtSubscribe, offerToConnected } from './offer.js';
import { updateInProgress, withUpdate, withoutUpdate } from './printer-state.js';
import type { PrinterState } from './printer-state.js';
import { reconcile } from './reconcile.js';
import { newPrinter, registeredPrinter } from './register.js';
import { isFailure, takeReport } from './report.js';
import type { Speakers } from './speakers.js';
import { failUpdate, isImageDamaged } from './update-steps.js';

/** What a job leads to: the new state of its printer, and its outcome. */
interface Planned extends Outcome {
  /** Null if nothing changes. */
  state: PrinterState | null;
}

/**
 * Carries jobs out in memory, in their order: changes `fleet` and `speakers`, and returns the outcome of each job. A refused job changes
 * nothing. Pure apart from that: no SQL, no clock, no promise.
 */
export function plan(
  context: PlanContext,
  fleet: FleetState,
  speakers: Speakers,
  jobs: readonly PrinterJob[],
): Outcome[] {
  return jobs.map((job) => {
    const { state, ...outcome } = planJob(context, fleet, speakers, job);
    if (state !== null) {
      fleet.ended.push(...endingsOf(fleet.get(state.printer.uuid), state));
      fleet.set(state);
    }
    return outcome;
  });
}

/** True if a subscribe would register a printer, or ask for its registration for the first time: both are limited for each address. */
export function isNewcomer(context: PlanContext, fleet: FleetState, request: SubscribeRequest): boolean {
  const { uuid } = request;
  if (fleet.get(uuid) !== null) return false;
  const refusal = refusalOf(context, fleet, request);
  if (refusal === null) return true;
  return (
    refusal.code === 'approval_pending' && fleet.requestOf(uuid) === null && !fleet.newRequests.has(uuid)
  );
}

function planJob(context: PlanContext, fleet: FleetState, speakers: Speakers, job: PrinterJob): Planned {
  switch (job.kind) {
    case 'subscribe': {
      const planned = subscribe(context, fleet, job);
      speakers.note(job, planned.refused === null);
      return planned;
    }
    case 'report':
      return speakers.speaks(job) ? report(context, fleet, job) : nothing(job.uuid);
    case 'offer': {
      const state = fleet.get(job.uuid);
      // A connection that has replaced this one was sent what is due with its subscribe, or asks for itself.
      if (state === null || speakers.isReplaced(job)) return nothing(job.uuid);
      const step = offerToConnected(context, state);
      return changed(state, step.state, { send: step.send });
    }
    case 'sign_of_life':
      return signOfLife(context, fleet, job);
    case 'limit':
      return checkLimit(context, fleet, job);
  }
}

function subscribe(context: PlanContext, fleet: FleetState, { request }: JobOf<'subscribe'>): Planned {
  const { uuid } = request;
  const known = fleet.get(uuid);
  const refusal = refusalOf(context, fleet, request);
  if (isNewcomer(context, fleet, request)) {
    const limit = fleet.overLimit.get(uuid);
    if (limit !== undefined) return refused(uuid, limit);
    if (refusal !== null) fleet.newRequests.set(uuid, request);
  }
  if (refusal !== null) return refused(uuid, refusal);
  if (known === null) {
    const offered = offerAtSubscribe(context, newPrinter(context, request));
    return changed(null, offered.state, { send: offered.send });
  }
  const registered = registeredPrinter(context, known, request);
  const { id } = known.printer;
  const settled = reconcile(context, known.printer, registered, (rolloutId) =>
    fleet.wasPendingAtCancel(rolloutId, id),
  );
  if (settled.send !== null) return changed(known, settled.state, { send: settled.send });
  const offered = offerAtSubscribe(context, settled.state);
  return changed(known, offered.state, { send: offered.send });
}

function refusalOf(
  { policy }: PlanContext,
  fleet: FleetState,
  { uuid, keyHash }: SubscribeRequest,
): PrinterRefusedError | null {
  return admissionRefusal(keyHash, fleet.get(uuid)?.printer ?? null, fleet.requestOf(uuid), policy);
}

function report(context: PlanContext, fleet: FleetState, job: JobOf<'report'>): Planned {
  const { uuid } = job;
  const state = fleet.get(uuid);
  // The printer was deleted after it had reported.
  if (state === null) return nothing(uuid);
  const taken = takeReport(context, state, job.report);
  if (taken instanceof ValidationError) return refused(uuid, taken);
  // Another rollout may have waited for this update to end; after a completed one, the printer reboots first.
  const mayHaveUpdate =
    job.report.kind === 'failed' || job.report.kind === 'declined' || isFailure(job.report);
  return changed(state, taken, { mayHaveUpdate });
}

function signOfLife({ serviceTime }: PlanContext, fleet: FleetState, job: JobOf<'sign_of_life'>): Planned {
  const busy = busyPrinter(fleet, job.printerId);
  if (busy?.update.version !== job.version) return nothing(null);
  return changed(busy.state, withUpdate(busy.state, busy.update, { lastHeard: serviceTime }));
}

function checkLimit(context: PlanContext, fleet: FleetState, job: JobOf<'limit'>): Planned {
  const { column, seconds, error } = job.limit;
  const busy = busyPrinter(fleet, job.printerId);
  // It may have ended, or been heard of, since the limit was checked.
  if (busy === null || busy.update[column] > context.serviceTime - seconds) return nothing(null);
  const { state, update } = busy;
  const ended = isImageDamaged(context, state, update)
    ? withoutUpdate(state, update)
    : failUpdate(context, state, update, error);
  return changed(state, ended, { mayHaveUpdate: true });
}

/** A printer and its update in progress; null if it has none. */
function busyPrinter(
  fleet: FleetState,
  printerId: number,
): { state: PrinterState; update: PrinterUpdate } | null {
  const state = fleet.byId(printerId);
  const update = state && updateInProgress(state);
  return update ? { state, update } : null;
}

function changed(
  before: PrinterState | null,
  after: PrinterState,
  outcome: Partial<Pick<Outcome, 'send' | 'mayHaveUpdate'>> = {},
): Planned {
  const state = after === before ? null : after;
  return { ...nothing(after.printer.uuid), ...outcome, state };
}

function refused(uuid: string, refusal: DomainError): Planned {
  return { ...nothing(uuid), refused: refusal };
}

function nothing(uuid: string | null): Planned {
  return { uuid, refused: null, send: null, mayHaveUpdate: false, state: null };
}
