import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { RolloutPresenter } from '../../rollout/http/rollout-presenter.js';
import { Rollouts } from '../../rollout/campaign/rollouts.js';
import { COUNTER_COLUMNS } from '../../rollout/store/entities/rollout-counters.js';

// Cancelled rollouts hardly change: the newest of them are looked at.
const CHANGING = `id, status, rollout_percentage, firmware_version_id, ${COUNTER_COLUMNS.join(', ')},
  coalesce(name, ''), coalesce(note, ''), coalesce(taken_back_by, 0)`;
const STATES = `SELECT ${CHANGING} FROM rollout WHERE status <> 'cancelled' UNION ALL
  SELECT * FROM (SELECT ${CHANGING} FROM rollout WHERE status = 'cancelled' ORDER BY id DESC LIMIT 1000)`;
const NEWEST = `SELECT id FROM rollout WHERE status <> 'cancelled' ORDER BY id DESC LIMIT ?`;
// Of rollouts with long lists: so many characters are kept ready for the other streams.
const MAX_KEPT = 4_000_000;

/**
 * Finds the rollouts that have changed by comparing them: there are few, and whatever moves their counters need not know that
 * somebody watches.
 */
@Injectable()
export class RolloutDiff {
  private known: ReadonlyMap<number, string> = new Map();
  /** Rollouts as they are sent, by their number; null for one that is gone. */
  private readonly texts = new Map<number, string | null>();
  private kept = 0;

  constructor(
    private readonly database: Database,
    private readonly rollouts: Rollouts,
    private readonly presenter: RolloutPresenter,
  ) {}

  /** Takes all as known that there is now. */
  begin(): void {
    this.forgetTexts();
    this.known = this.states();
  }

  /** The numbers of those that are new, have changed or are gone since the last time. */
  changed(): number[] {
    this.forgetTexts();
    const before = this.known;
    this.known = this.states();
    const changed = [...this.known].filter(([id, state]) => before.get(id) !== state).map(([id]) => id);
    return [...changed, ...[...before.keys()].filter((id) => !this.known.has(id))];
  }

  /** The newest that are not cancelled. */
  newest(limit: number): number[] {
    return this.database.reader.all(NEWEST, limit).map(({ id }) => Number(id));
  }

  /** A rollout as it is answered, as JSON; null where it is deleted. */
  textOf(id: number): string | null {
    let text = this.texts.get(id);
    if (text === undefined) {
      text = this.read(id);
      this.kept += text?.length ?? 0;
      if (this.kept > MAX_KEPT) this.forgetTexts();
      this.texts.set(id, text);
    }
    return text;
  }

  private read(id: number): string | null {
    try {
      return JSON.stringify(this.presenter.short(this.rollouts.get(id)));
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  private states(): ReadonlyMap<number, string> {
    const rows = this.database.reader.allValues(STATES);
    return new Map(rows.map((row) => [Number(row[0]), row.join(' ')]));
  }

  private forgetTexts(): void {
    this.texts.clear();
    this.kept = 0;
  }
}
