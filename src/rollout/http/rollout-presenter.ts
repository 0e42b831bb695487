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
  async one(rollout: Rollout): Promise<RolloutResponse> {
    return this.answer(rollout, await this.targets.of(this.database.committed, rollout.id));
  }

  /** A rollout that has just been created, with warnings. */
  async created(rollout: Rollout): Promise<CreatedRolloutResponse> {
    const answer = await this.one(rollout);
    return { ...answer, warnings: creationWarnings(rollout, answer.total_targets) };
  }

  /** One of several rollouts: long lists are left out, so that no response grows with what others have stored. */
  async short(rollout: Rollout): Promise<RolloutResponse> {
    if ((rollout.targetIdsCount ?? 0) <= MAX_LISTED_IDS) return this.one(rollout);
    return this.answer(rollout, NO_LISTS);
  }

  private async answer(rollout: Rollout, lists: TargetLists): Promise<RolloutResponse> {
    const sql = this.database.committed;
    return toRolloutResponse(rollout, {
      links: await this.links.of(sql, rollout),
      lists,
      kind: rollout.targetIdsCount === null ? null : await this.targets.kindOf(sql, rollout.id),
      duePending: await this.buckets.due(sql, rollout),
    });
  }

  /** A page of rollouts. */
  async page({ rows, nextCursor }: Page<Rollout>): Promise<RolloutListResponse> {
    return { rollouts: await this.several(rows), next_cursor: nextCursor };
  }

  /** Several rollouts, like `short`. */
  async several(rollouts: readonly Rollout[]): Promise<RolloutResponse[]> {
    const responses: RolloutResponse[] = [];
    for (const rollout of rollouts) responses.push(await this.short(rollout));
    return responses;
  }
}
