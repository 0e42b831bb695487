import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../common/errors.js';
import { Database } from '../../database/database.js';
import { RolloutPresenter } from '../../rollout/http/rollout-presenter.js';
import { Rollouts } from '../../rollout/campaign/rollouts.js';
import { COUNTER_COLUMNS } from '../../rollout/store/entities/rollout-counters.js';

// Cancelled rollouts hardly ever change, so only the newest of them are compared.
const CHANGING = `id, status, rollout_percentage, firmware_version_id, ${COUNTER_COLUMNS.join(', ')},
  coalesce(name, ''), coalesce(note, ''), coalesce(taken_back_by, 0)`;
const STATES = `SELECT ${CHANGING} FROM rollout WHERE status <> 'cancelled' UNION ALL
  SELECT * FROM (SELECT ${CHANGING} FROM rollout WHERE status = 'cancelled' ORDER BY id DESC LIMIT 1000)`;
const NEWEST = `SELECT id FROM rollout WHERE status <> 'cancelled' ORDER BY id DESC LIMIT ?`;
// Maximum characters cached, so that streams share the JSON of rollouts with long lists.
const MAX_CACHED_CHARS = 4_000_000;

/**
 * Finds the rollouts that have changed, by comparison: there are few, and the code that changes their counters need not know about streams.
 */
@Injectable()
export class RolloutDiff {
  private known: ReadonlyMap<number, string> = new Map();
  /** The JSON of rollouts by id; null if one is deleted. */
  private readonly texts = new Map<number, string | null>();
  private kept = 0;
  private revision = 0;

  constructor(
    private readonly database: Database,
    private readonly rollouts: Rollouts,
    private readonly presenter: RolloutPresenter,
  ) {}

  /** Takes the current state as the base of comparison. */
  async begin(): Promise<void> {
    this.forgetTexts();
    this.known = await this.states();
  }

  /** The ids of rollouts that are new, changed or deleted since the last call. */
  async changed(): Promise<number[]> {
    this.forgetTexts();
    const before = this.known;
    this.known = await this.states();
    const changed = [...this.known].filter(([id, state]) => before.get(id) !== state).map(([id]) => id);
    return [...changed, ...[...before.keys()].filter((id) => !this.known.has(id))];
  }

  /** The newest rollouts that are not cancelled. */
  async newest(limit: number): Promise<number[]> {
    return (await this.database.committed.rows(NEWEST, limit)).map(({ id }) => Number(id));
  }

  /** The JSON of a rollout, as the API answers it; null if it is deleted. */
  async textOf(id: number): Promise<string | null> {
    let text = this.texts.get(id);
    if (text === undefined) {
      const { revision } = this;
      text = await this.read(id);
      // What was read before the last change may be out of date.
      if (revision !== this.revision) return text;
      this.kept += text?.length ?? 0;
      if (this.kept > MAX_CACHED_CHARS) this.forgetTexts();
      this.texts.set(id, text);
    }
    return text;
  }

  private async read(id: number): Promise<string | null> {
    try {
      return JSON.stringify(await this.presenter.short(await this.rollouts.get(id)));
    } catch (error) {
      if (error instanceof NotFoundError) return null;
      throw error;
    }
  }

  private async states(): Promise<ReadonlyMap<number, string>> {
    const rows = await this.database.committed.values(STATES);
    return new Map(rows.map((row) => [Number(row[0]), row.join(' ')]));
  }

  private forgetTexts(): void {
    this.texts.clear();
    this.kept = 0;
    this.revision += 1;
  }
}
