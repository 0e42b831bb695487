import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import { RolloutLinks } from '../rollback/rollout-links.js';
import type { RolloutPage } from '../rollout-admin.service.js';
import { toRolloutResponse } from '../rollout-response.dto.js';
import type { RolloutListResponse, RolloutResponse } from '../rollout-response.dto.js';
import type { Rollout } from '../rollout.entity.js';

/** Answers with rollouts, and with what belongs to them. */
@Injectable()
export class RolloutPresenter {
  constructor(
    private readonly database: Database,
    private readonly links: RolloutLinks,
  ) {}

  /** One rollout. */
  one(rollout: Rollout): RolloutResponse {
    return toRolloutResponse(rollout, this.links.of(this.database.reader, rollout));
  }

  /** A page of rollouts. */
  page({ rollouts, nextCursor }: RolloutPage): RolloutListResponse {
    return { rollouts: rollouts.map((rollout) => this.one(rollout)), next_cursor: nextCursor };
  }
}
