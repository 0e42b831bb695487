import type { Decision, PastUpdate, Printer, Rollout } from '../../api/types';
import { shortTime } from '../../ui/format';
import type { StateKind } from '../../ui/parts';
import { isNewer, versionOf } from '../../ui/version';

/** What an operator can do about a decision. */
export type Remedy =
  'let-in' | 'roll-out' | 'rollout' | 'retry' | 'firmware' | 'upload' | 'roll-out-between' | null;

/** A decision in words. */
export interface Explanation {
  kind: StateKind;
  /** One plain sentence. */
  sentence: string;
  /** What follows from it, or what can be done. */
  advice: string | null;
  remedy: Remedy;
}

/** Everything that the text depends on. */
export interface Case {
  printer: Printer;
  decision: Decision;
  /** The rollout that the decision is about, as far as it is known here. */
  rollout: Rollout | undefined;
  /** The printer's last update through that rollout. */
  last: PastUpdate | undefined;
  /** False if an update was reported as installed, but the printer has not reconnected to prove it. */
  underWay: boolean;
}

/** Why a printer is, or is not, sent an update now. */
export function explain(given: Case): Explanation {
  const { decision, printer } = given;
  if (decision.send) {
    return decision.online
      ? told('busy', `Firmware ${version(given)} is being sent to it by ${rolloutName(given)}.`)
      : told(
          'idle',
          `Firmware ${version(given)} is due, but the printer is offline.`,
          `${capital(rolloutName(given))} sends it as soon as the printer connects.`,
        );
  }
  const words = WORDS[decision.reason ?? ''];
  return (
    words?.(given) ?? told('idle', decision.description ?? `Nothing is due for ${printer.name}.`, null, null)
  );
}

function told(
  kind: StateKind,
  sentence: string,
  advice: string | null = null,
  remedy: Remedy = null,
): Explanation {
  return { kind, sentence, advice, remedy };
}

const WORDS: Record<string, (given: Case) => Explanation> = {
  blocked: () =>
    told(
      'bad',
      'It is blocked: it cannot connect, and gets no updates.',
      'Any update that is due is sent once you unblock it.',
      'let-in',
    ),
  no_rollout: () => told('idle', 'There is no rollout that could update it.', 'Create one.', 'roll-out'),
  not_targeted: () =>
    told(
      'idle',
      'No rollout targets this printer: each one is for other printers, users, channels or versions.',
      'Create a rollout that targets it.',
      'roll-out',
    ),
  version_unknown: (given) =>
    told(
      'warn',
      `Its version cannot be read: ${runs(given)}.`,
      'Only a rollout that allows downgrades and has no version bounds reaches it.',
      'roll-out',
    ),
  below_min_version: (given) => outsideBounds(given, `only for printers ${from(given)}`),
  above_max_version: (given) => outsideBounds(given, `only for printers ${upTo(given)}`),
  no_build_for_platform: (given) =>
    told(
      'warn',
      `Firmware ${version(given)} has no build for its board${board(given)}.`,
      'Upload a build for this board, or one that fits every board.',
      'upload',
    ),
  downgrade_not_allowed: (given) =>
    told(
      'idle',
      `It runs ${runs(given)}, which is newer than the ${version(given)} of ${rolloutName(given)}.`,
      'Only a rollout that allows downgrades moves it back.',
      'roll-out',
    ),
  superseded: (given) =>
    told(
      'idle',
      `It runs ${runs(given)}, and a newer rollout than ${rolloutName(given)} targets it: only the newest one may move it back.`,
      'To move it back, create a new rollout that allows downgrades.',
      'roll-out',
    ),
  rolled_back: (given) =>
    told(
      'idle',
      `It was moved back from ${version(given)} by a newer rollout than ${rolloutName(given)}.`,
      'Only a new rollout can send it that version again.',
      'rollout',
    ),
  below_min_upgrade_version: (given) =>
    told(
      'warn',
      `It runs ${runs(given)}, which is too old to upgrade to ${version(given)} directly.`,
      'Roll out an intermediate version first: the firmware page shows the lowest version that can upgrade directly.',
      'roll-out-between',
    ),
  up_to_date: (given) => {
    const { rollout, last } = given;
    const isRolledBack = rollout?.rolls_back != null && last?.status === 'completed';
    return told(
      'good',
      isRolledBack
        ? `It was rolled back from ${rollout.rolls_back?.firmware_version} to ${runs(given)} by ${rolloutName(given)}.`
        : `It is up to date: it runs ${runs(given)}.`,
    );
  },
  already_completed: (given) =>
    told(
      'warn',
      `${capital(rolloutName(given))} has already updated it; since then it went back to ${runs(given)} by other means.`,
      'A rollout sends a completed update only once. To send it again, create a new rollout.',
      'roll-out',
    ),
  already_failed: (given) =>
    told(
      'bad',
      `The update to ${version(given)} failed on it, and is not retried automatically.`,
      failure(given),
      'retry',
    ),
  already_declined: (given) =>
    told(
      'warn',
      `It declined ${version(given)}.`,
      'It is offered again when the printer connects with automatic updates on.',
    ),
  firmware_deprecated: (given) =>
    told(
      'warn',
      `Firmware ${version(given)} is deprecated, so it is not offered to any printer.`,
      'Offer it again, or roll out another version.',
      'firmware',
    ),
  image_damaged: (given) =>
    told(
      'warn',
      `The binary of firmware ${version(given)} is damaged on the server, so it is not offered to any printer.`,
      'Upload the same file again: the rollout then continues by itself.',
      'firmware',
    ),
  not_yet_scheduled: (given) =>
    told('idle', `${capital(rolloutName(given))} has not started yet${begins(given)}.`, null, 'rollout'),
  rollout_paused: (given) =>
    told(
      'warn',
      `${capital(rolloutName(given))}, which would send it ${version(given)}, is paused.`,
      'Resume the rollout to send it.',
      'rollout',
    ),
  not_in_percentage: (given) =>
    told(
      'idle',
      `${capital(rolloutName(given))} reaches it at ${given.decision.bucket + 1} %${percentage(given)}.`,
      'Raise the percentage of the rollout to reach it.',
      'rollout',
    ),
  auto_update_off: (given) =>
    told(
      'warn',
      `Its automatic updates are off, and ${version(given)} is not mandatory.`,
      'It is sent once they are switched on at the printer, or the firmware is made mandatory.',
      'firmware',
    ),
  already_in_progress: ({ underWay, printer }) => {
    if (!underWay)
      return told(
        'busy',
        'It has reported its update as installed, but has not reconnected yet.',
        'The version it runs when it reconnects shows whether the update worked. Other updates wait until then.',
      );
    return told(
      'busy',
      'An update is in progress. Other updates wait until it has finished.',
      printer.online
        ? null
        : 'It is offline: boards disconnect to download. Without a sign of life the update fails after a while, by default 30 minutes.',
    );
  },
};

/** A rollout is for other versions than the printer runs: another rollout helps only if that one has something newer for it. */
function outsideBounds(given: Case, bounds: string): Explanation {
  const { printer } = given;
  const sentence = `It runs ${runs(given)}, and ${rolloutName(given)} is ${bounds}.`;
  const target = version(given);
  return printer.firmware_version !== null && isNewer(target, printer.firmware_version)
    ? told('idle', sentence, `A rollout of ${target} without that limit would reach it.`, 'roll-out')
    : told('idle', sentence, null, 'rollout');
}

function rolloutName({ decision }: Case): string {
  return decision.rollout_id === null ? 'a rollout' : `rollout ${decision.rollout_id}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The version that the decision is about. */
function version({ decision, rollout }: Case): string {
  const verdict = decision.rollouts.find(({ rollout_id: id }) => id === decision.rollout_id);
  return (
    decision.target_version ?? verdict?.firmware_version ?? rollout?.firmware_version ?? 'of that rollout'
  );
}

function runs({ printer }: Case): string {
  return versionOf(printer);
}

function board({ printer }: Case): string {
  return printer.platform === null ? ', which it has not reported' : ` (${printer.platform})`;
}

function from({ rollout }: Case): string {
  const lowest = rollout?.target.min_version ?? null;
  return lowest === null ? 'with a newer version' : `that run ${lowest} or later`;
}

function upTo({ rollout }: Case): string {
  const highest = rollout?.target.max_version ?? null;
  return highest === null ? 'with an older version' : `that run ${highest} or earlier`;
}

function begins({ rollout }: Case): string {
  const at = rollout?.scheduled_for ?? null;
  return at === null ? '' : `: it starts on ${shortTime(at)}`;
}

function percentage({ decision, rollout }: Case): string {
  const verdict = decision.rollouts.find(({ rollout_id: id }) => id === decision.rollout_id);
  const now = rollout?.rollout_percentage ?? verdict?.rollout_percentage;
  return now === undefined ? '' : `; it is at ${now} % now`;
}

function failure({ last }: Case): string | null {
  if (last?.status !== 'failed' || last.error_message === null) return null;
  return `The error: ${last.error_message}`;
}

/** Whether one rollout updates a printer, in a few words. */
export function verdict({ due, reason, description }: Decision['rollouts'][number]): string {
  return due ? 'Due for this printer.' : (VERDICTS[reason ?? ''] ?? description ?? 'Nothing.');
}

const VERDICTS: Record<string, string> = {
  not_targeted: 'It targets other printers.',
  below_min_version: 'It targets newer versions than the printer runs.',
  above_max_version: 'It targets older versions than the printer runs.',
  no_build_for_platform: 'Its firmware has no build for this board.',
  downgrade_not_allowed: 'The printer runs a newer version.',
  superseded: 'A newer rollout targets the printer, so this one may not move it back.',
  rolled_back: 'A newer rollout has moved the printer back from this version.',
  below_min_upgrade_version: 'The printer runs a version that is too old to upgrade to it directly.',
  up_to_date: 'The printer runs this version.',
  already_completed: 'It has updated this printer before.',
  already_failed: 'The update failed on this printer.',
  already_declined: 'The printer declined the update.',
  firmware_deprecated: 'Its firmware is deprecated.',
  image_damaged: 'Its binary is damaged on the server.',
  not_yet_scheduled: 'It has not started yet.',
  rollout_paused: 'It is paused.',
  not_in_percentage: 'It reaches this printer only at a higher percentage.',
  auto_update_off: 'Automatic updates are off, and its firmware is not mandatory.',
  already_in_progress: 'Its update is in progress.',
};
