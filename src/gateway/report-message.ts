import { ValidationError } from '../common/errors.js';
import { parseReportedVersion } from '../common/version.js';
import type { Report } from '../rollout/updates/plan/report.js';
import { MessageFields, shownValue } from './message-fields.js';
import type { Message } from './message-fields.js';

/** Longest stored text of a report, in code points. */
const LONGEST_TEXT = 1_000;
const ERROR_PERCENT = -1;

/**
 * Reads a report (printer protocol, "Reports"). An unusable field counts as absent: a mistake in a report must not cost the printer its
 * update.
 *
 * @throws ValidationError if the kind is not that of a report
 */
export function parseReport(message: Message): Report {
  const fields = new MessageFields(message);
  switch (message.kind) {
    case 'firmware_progress':
      return {
        kind: 'progress',
        percent: readPercent(fields.value('percent')),
        status: fields.words('status', LONGEST_TEXT),
      };
    case 'firmware_complete':
      return { kind: 'complete', version: readVersion(fields) };
    case 'firmware_failed': {
      const error = fields.words('error', LONGEST_TEXT) ?? '';
      return { kind: 'failed', error: error === '' ? 'The printer gave no reason' : error };
    }
    case 'firmware_declined':
      return { kind: 'declined', version: readVersion(fields), autoUpdate: fields.boolean('auto_update') };
    default: {
      const kind = shownValue(message.kind);
      throw ValidationError.field('kind', kind, 'unknown kind');
    }
  }
}

/** 0 to 100, or -1 for an error, as a number or its digits; null for anything else. */
function readPercent(value: unknown): number | null {
  const isDigits = typeof value === 'string' && /^\s*(?:-1|\d{1,3}(?:\.\d+)?)\s*$/.test(value);
  const percent = isDigits ? Number(value) : value;
  if (percent === ERROR_PERCENT) return ERROR_PERCENT;
  return typeof percent === 'number' && percent >= 0 && percent <= 100 ? Math.floor(percent) : null;
}

function readVersion(fields: MessageFields): string | null {
  const value = fields.value('version');
  return typeof value === 'string' ? parseReportedVersion(value) : null;
}
