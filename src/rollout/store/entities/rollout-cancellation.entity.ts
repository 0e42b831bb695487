import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Remembers that a rollout was cancelled, even when it has been deleted since: only rollouts that are created after that may
 * move its printers back (decisions on downgrades: "cancel, then roll out"). An older one must not: a cancel sends nothing.
 */
@Entity('withdrawal')
export class RolloutCancellation {
  /** The rollout that was cancelled; not a foreign key, for it may be deleted. */
  @PrimaryColumn({ name: 'rollout_id', type: 'integer', primaryKeyConstraintName: 'pk_withdrawal' })
  rolloutId!: number;

  /** The newest rollout that there was at that moment. */
  @Column({ name: 'newest_rollout_id', type: 'integer' })
  newestRolloutId!: number;
}
