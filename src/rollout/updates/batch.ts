import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../database/transaction.js';
import { DownloadTokens } from '../../firmware/download/download-tokens.js';
import { PrinterAuthenticator } from '../../printer/printer-authenticator.js';
import { RegistrationRequests } from '../../printer/registration/registration-requests.js';
import { CancelledPending } from '../store/cancelled-pending.js';
import { RolloutEvents } from '../store/rollout.events.js';
import { FleetStore } from './fleet-store.js';
import { ProgressStore, progressReports } from './progress-store.js';
import { toOffer } from './offer.js';
import type { Offer } from './offer.js';
import { PlanContexts } from './plan-contexts.js';
import type { PlanContext } from './plan/context.js';
import { FleetState, pairOf } from './plan/fleet-state.js';
import type { Outcome, PrinterJob } from './plan/jobs.js';
import { isNewcomer, plan } from './plan/plan.js';
import type { PrinterState } from './plan/printer-state.js';
import { Speakers } from './plan/speakers.js';

/** What has become of a job; all of it is on disk. */
export interface BatchResult extends Pick<Outcome, 'uuid' | 'refused' | 'mayHaveUpdate'> {
  /** The number of the printer; null if there is none. */
  printerId: number | null;
  /** The update to send; null if there is none. */
  offer: Offer | null;
}

/** Carries out printers' jobs within one transaction: loads what they need, plans in memory, saves the result. */
@Injectable()
export class Batch {
  constructor(
    private readonly store: FleetStore,
    private readonly progress: ProgressStore,
    private readonly contexts: PlanContexts,
    private readonly requests: RegistrationRequests,
    private readonly authenticator: PrinterAuthenticator,
    private readonly cancelledPending: CancelledPending,
    private readonly tokens: DownloadTokens,
    private readonly events: RolloutEvents,
  ) {}

  /**
   * Carries jobs out in their order.
   *
   * @param jobs null for one that has become pointless
   * @returns the result of each
   */
  async run(tx: Transaction, jobs: ReadonlyArray<PrinterJob | null>): Promise<Array<BatchResult | null>> {
    const due = jobs.filter((job) => job !== null);
    const saved = await this.progress.save(tx, progressReports(due));
    const isSaved = (job: PrinterJob): boolean => job.kind === 'report' && saved.has(job.uuid);
    const results = await this.planAndSave(
      tx,
      due.filter((job) => !isSaved(job)),
    );
    let next = 0;
    return jobs.map((job) => {
      if (job === null) return null;
      return isSaved(job) ? savedProgress(job) : (results[next++] ?? null);
    });
  }

  private async planAndSave(tx: Transaction, jobs: readonly PrinterJob[]): Promise<BatchResult[]> {
    if (jobs.length === 0) return [];
    const context = await this.contexts.of(tx);
    const fleet = await this.load(tx, context, jobs);
    this.limitNewcomers(tx, context, fleet, jobs);
    const outcomes = plan(context, fleet, new Speakers(), jobs);
    const numbers = await this.store.save(tx, fleet.changes());
    await this.requests.save(tx, fleet.newRequests.values(), numbers.keys());
    tx.afterCommit(() => this.events.ended(fleet.ended));
    return outcomes.map((outcome) => this.resultOf(fleet, numbers, outcome));
  }

  private async load(
    tx: Transaction,
    { rules, policy }: PlanContext,
    jobs: readonly PrinterJob[],
  ): Promise<FleetState> {
    const uuids = new Set<string>();
    const ids = new Set<number>();
    for (const job of jobs) {
      if ('printerId' in job) ids.add(job.printerId);
      else uuids.add(job.kind === 'subscribe' ? job.request.uuid : job.uuid);
    }
    const states = await this.store.load(tx.sql, { uuids, ids });
    for (const { printer } of states) uuids.delete(printer.uuid);
    const asked = policy.registration === 'open' ? new Map() : await this.requests.find(tx.sql, uuids);
    const pending = await this.cancelledPending.among(
      tx.sql,
      states.flatMap((state) => retriedPairs(rules, state)),
    );
    return new FleetState(states, asked, new Set(pending.map(([rolloutId, id]) => pairOf(rolloutId, id))));
  }

  /** Counts printers that come for the first time, and notes those whose address has had too many. */
  private limitNewcomers(
    tx: Transaction,
    context: PlanContext,
    fleet: FleetState,
    jobs: readonly PrinterJob[],
  ): void {
    const counted = new Set<string>();
    for (const job of jobs) {
      if (job.kind !== 'subscribe' || counted.has(job.request.uuid)) continue;
      if (!isNewcomer(context, fleet, job.request)) continue;
      counted.add(job.request.uuid);
      const { uuid, address } = job.request;
      const refusal = this.authenticator.countNew(address);
      if (refusal !== null) fleet.overLimit.set(uuid, refusal);
      // A batch that fails is tried again, and its printers are counted then.
      else tx.afterRollback(() => this.authenticator.uncountNew(address));
    }
  }

  private resultOf(fleet: FleetState, numbers: ReadonlyMap<string, number>, outcome: Outcome): BatchResult {
    const { uuid, refused, mayHaveUpdate, send } = outcome;
    const state = uuid === null || refused !== null ? null : fleet.get(uuid);
    if (state === null) return { uuid, refused, mayHaveUpdate, printerId: null, offer: null };
    const printerId = numbers.get(state.printer.uuid) ?? state.printer.id;
    const offer = send && toOffer({ ...state.printer, id: printerId }, send.rule, send.build, this.tokens);
    return { uuid, refused, mayHaveUpdate, printerId, offer };
  }
}

function savedProgress(job: PrinterJob): BatchResult {
  const uuid = job.kind === 'report' ? job.uuid : null;
  return { uuid, refused: null, mayHaveUpdate: false, printerId: null, offer: null };
}

/** The rollouts and the printer of failed updates that were retried before the rollout was cancelled: one may yet turn out to have worked. */
function retriedPairs(
  rules: PlanContext['rules'],
  { printer, updates }: PrinterState,
): Array<[number, number]> {
  return updates
    .filter(
      ({ status, superseded, rolloutId }) =>
        status === 'failed' && superseded && rules.get(rolloutId) === undefined,
    )
    .map(({ rolloutId }) => [rolloutId, printer.id]);
}
