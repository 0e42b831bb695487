import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import type { Page } from '../../database/page.js';
import { RolloutLinks } from '../insight/rollout-links.js';
import { toRolloutResponse } from './dto/rollout-response.dto.js';
import type {
  CreatedRolloutResponse,
  RolloutListResponse,
  RolloutResponse,
} from './dto/rollout-response.dto.js';
import { creationWarnings } from '../rules/creation-warnings.js';
import type { Rollout } from '../store/entities/rollout.entity.js';
import { PendingBuckets } from '../store/pending-buckets.js';
import { NO_LISTS, RolloutTargets } from '../store/target-lists.js';
import type { TargetLists } from '../store/target-lists.js';

// Maximum ids of a list in a response with several rollouts; longer lists are left out.
const MAX_LISTED_IDS = 100;

/** Builds responses with rollouts and everything that belongs to them. */
@Injectable()
export class RolloutPresenter {
  constructor(
    private readonly database: Database,
    private readonly links: RolloutLinks,
    private readonly targets: RolloutTargets,
    private readonly buckets: PendingBuckets,
  ) {}

  /** One rollout, with the complete lists of its target. */
  one(rollout: Rollout): RolloutResponse {
    return this.answer(rollout, this.targets.of(this.database.reader, rollout.id));
  }

  /** A rollout that has just been created, with warnings. */
  created(rollout: Rollout): CreatedRolloutResponse {
    return { ...this.one(rollout), warnings: creationWarnings(rollout) };
  }

  /** One of several rollouts: long lists are left out, so that no response grows with what others have stored. */
  short(rollout: Rollout): RolloutResponse {
    if ((rollout.targetIdsCount ?? 0) <= MAX_LISTED_IDS) return this.one(rollout);
    return this.answer(rollout, NO_LISTS);
  }

  private answer(rollout: Rollout, lists: TargetLists): RolloutResponse {
    const db = this.database.reader;
    return toRolloutResponse(rollout, {
      links: this.links.of(db, rollout),
      lists,
      kind: rollout.targetIdsCount === null ? null : this.targets.kindOf(db, rollout.id),
      duePending: this.buckets.due(db, rollout),
    });
  }

  /** A page of rollouts. */
  page({ rows, nextCursor }: Page<Rollout>): RolloutListResponse {
    return { rollouts: rows.map((rollout) => this.short(rollout)), next_cursor: nextCursor };
  }
}
