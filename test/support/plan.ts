import { versionKey } from '../../src/common/version.js';
import type { Printer } from '../../src/printer/printer.entity.js';
import type { SubscribeRequest } from '../../src/printer/subscribe-request.js';
import type { RolloutRule } from '../../src/rollout/rules/targeting.js';
import type { PrinterUpdate } from '../../src/rollout/store/entities/printer-update.entity.js';
import { RuleSet } from '../../src/rollout/store/rule-set.js';
import type { PlanContext } from '../../src/rollout/updates/plan/context.js';
import { FleetState } from '../../src/rollout/updates/plan/fleet-state.js';
import type { Outcome, PrinterJob } from '../../src/rollout/updates/plan/jobs.js';
import { plan } from '../../src/rollout/updates/plan/plan.js';
import { Speakers } from '../../src/rollout/updates/plan/speakers.js';
import type { PrinterState } from '../../src/rollout/updates/plan/printer-state.js';

export const NOW = new Date('2026-01-15T10:00:00.000Z');
export const EARLIER = new Date('2026-01-15T09:00:00.000Z');
export const SERVICE_TIME = 100_000;
// Its bucket is 25 (printer protocol, "Test vectors for the gradual bucket").
export const UUID = '880e8400-e29b-41d4-a716-446655440001';
export const OWNER = '550e8400-e29b-41d4-a716-446655440000';

/** A printer on record; one that runs 1.4.0 unless told otherwise. */
export function printerOf(changes: Partial<Printer> & { version?: string | null } = {}): Printer {
  const { version = '1.4.0', ...columns } = changes;
  return {
    id: 7,
    uuid: UUID,
    name: 'Board',
    userId: OWNER,
    platform: 'esp8266',
    firmwareVersion: version,
    reportedVersion: null,
    versionKey: version === null ? '' : versionKey(version),
    versionRolloutId: null,
    previousVersion: null,
    movedBack: null,
    bucket: 25,
    autoUpdate: true,
    updateChannel: 'stable',
    keyHash: null,
    blocked: false,
    problems: null,
    hasProblems: false,
    lastConnected: EARLIER,
    lastIp: '127.0.0.1',
    createdAt: EARLIER,
    ...columns,
  };
}

/** An update to 1.5.0 by rollout 1, sent once, in progress unless told otherwise. */
export function updateOf(changes: Partial<PrinterUpdate> = {}): PrinterUpdate {
  return {
    id: 70,
    rolloutId: 1,
    printerId: 7,
    firmwareId: 5,
    version: '1.5.0',
    status: 'in_progress',
    attempts: 1,
    sendOnResume: false,
    confirmed: false,
    superseded: false,
    errorMessage: null,
    startedAt: EARLIER,
    completedAt: null,
    lastPercent: 0,
    lastStatusMessage: null,
    lastHeard: SERVICE_TIME - 60,
    lastSent: SERVICE_TIME - 60,
    sequence: 1,
    ...changes,
  };
}

/** What a printer says of itself when it subscribes. */
export function requestOf(changes: Partial<SubscribeRequest> = {}): SubscribeRequest {
  return {
    uuid: UUID,
    name: 'Board',
    keyHash: null,
    userId: null,
    pathId: OWNER,
    platform: null,
    firmwareVersion: '1.4.0',
    unreadableVersion: null,
    autoUpdate: null,
    channel: null,
    address: '127.0.0.1',
    problems: [],
    ...changes,
  };
}

export function contextOf(rules: RolloutRule[], changes: Partial<PlanContext> = {}): PlanContext {
  return {
    rules: new RuleSet(rules, new Map()),
    now: NOW,
    serviceTime: SERVICE_TIME,
    policy: { registration: 'open', requirePrinterKey: false },
    ...changes,
  };
}

export interface PlannedBatch {
  outcomes: Outcome[];
  fleet: FleetState;
  /** The printer with `UUID` afterwards. */
  state: PrinterState | null;
}

/** Plans jobs for printers that are on record. */
export function planFor(
  states: PrinterState[],
  rules: RolloutRule[],
  jobs: PrinterJob[],
  changes: Partial<PlanContext> = {},
): PlannedBatch {
  const fleet = new FleetState(states, new Map(), new Set());
  const outcomes = plan(contextOf(rules, changes), fleet, new Speakers(), jobs);
  return { outcomes, fleet, state: fleet.get(UUID) };
}
