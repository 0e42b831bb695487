import { bucketOf } from '../../../common/bucket.js';
import { UNKNOWN_VERSION_KEY, versionKey } from '../../../common/version.js';
import type { Printer } from '../../../printer/printer.entity.js';
import { mergeProblems } from '../../../printer/printer-problems.js';
import type { SubscribeRequest } from '../../../printer/subscribe-request.js';
import { withMove } from '../../rules/moved-back.js';
import type { PlanContext } from './context.js';
import { lastTaken, lastTakenTo, withPrinter } from './printer-state.js';
import type { PrinterState } from './printer-state.js';

/** The version of a printer that has never reported one (printer protocol, "Subscribe"). */
const NEVER_REPORTED = '0.0.0';

/** A printer that subscribes for the first time. */
export function newPrinter({ now }: PlanContext, request: SubscribeRequest): PrinterState {
  const version = versionOf(request, NEVER_REPORTED, null);
  const problems = mergeProblems(null, request.problems, now);
  const printer: Printer = {
    id: 0,
    uuid: request.uuid,
    name: request.name,
    keyHash: request.keyHash,
    blocked: false,
    userId: request.userId ?? request.pathId,
    platform: request.platform,
    ...version,
    versionKey: keyOf(version.firmwareVersion),
    versionRolloutId: null,
    previousVersion: null,
    movedBack: null,
    bucket: bucketOf(request.uuid),
    autoUpdate: request.autoUpdate ?? true,
    updateChannel: request.channel ?? 'stable',
    lastConnected: now,
    lastIp: request.address,
    createdAt: now,
    problems,
    hasProblems: problems !== null,
  };
  return { printer, updates: [] };
}

/** A printer that is on record, as it describes itself now. */
export function registeredPrinter(
  { now }: PlanContext,
  state: PrinterState,
  request: SubscribeRequest,
): PrinterState {
  const before = state.printer;
  const problems = mergeProblems(before.problems, request.problems, now);
  return withPrinter(state, {
    ...versionColumns(state, request),
    name: request.name,
    keyHash: before.keyHash ?? request.keyHash,
    userId: request.userId ?? ownerFromPath(request, before),
    platform: request.platform ?? before.platform,
    autoUpdate: request.autoUpdate ?? before.autoUpdate,
    updateChannel: request.channel ?? before.updateChannel,
    lastConnected: now,
    lastIp: request.address,
    problems,
    hasProblems: problems !== null,
  });
}

/** The version that the printer runs now, and the path that led to it. */
function versionColumns(state: PrinterState, request: SubscribeRequest): Partial<Printer> {
  const before = state.printer;
  const version = versionOf(request, reportedVersion(state) ?? before.firmwareVersion, before);
  const { firmwareVersion } = version;
  if (firmwareVersion === before.firmwareVersion) return version;
  const key = keyOf(firmwareVersion);
  const isOlder = firmwareVersion !== null && key < before.versionKey;
  const broughtBy = firmwareVersion === null ? undefined : lastTakenTo(state, firmwareVersion);
  return {
    ...version,
    versionKey: key,
    previousVersion: before.firmwareVersion ?? before.previousVersion,
    movedBack: isOlder ? movedBackTo(state, firmwareVersion) : before.movedBack,
    versionRolloutId: broughtBy?.rolloutId ?? null,
  };
}

/** The version that a printer has reported as installed, but not proved yet; boards that never name their version have no other. */
function reportedVersion(state: PrinterState): string | null {
  const last = lastTaken(state);
  return last?.status === 'completed' && !last.confirmed ? last.version : null;
}

/** A move back counts if the update that the printer took last has caused it, and not somebody at the board. */
function movedBackTo(state: PrinterState, version: string): string | null {
  const { movedBack, firmwareVersion: from } = state.printer;
  const last = lastTaken(state);
  if (from === null || last?.version !== version || last.confirmed) return movedBack;
  return withMove(movedBack, from, last.rolloutId);
}

/** The version that a printer reports; `onRecord` if it reports none. */
function versionOf(
  request: SubscribeRequest,
  onRecord: string | null,
  before: Printer | null,
): Pick<Printer, 'firmwareVersion' | 'reportedVersion'> {
  if (request.unreadableVersion !== null)
    return { firmwareVersion: null, reportedVersion: request.unreadableVersion };
  const firmwareVersion = request.firmwareVersion ?? onRecord;
  return {
    firmwareVersion,
    reportedVersion: firmwareVersion === null ? (before?.reportedVersion ?? null) : null,
  };
}

function keyOf(version: string | null): string {
  return version === null ? UNKNOWN_VERSION_KEY : versionKey(version);
}

/** Early firmware puts the printer's own UUID into the path: then the owner on record stays. */
function ownerFromPath(request: SubscribeRequest, before: Printer): string {
  return request.pathId === request.uuid ? before.userId : request.pathId;
}
