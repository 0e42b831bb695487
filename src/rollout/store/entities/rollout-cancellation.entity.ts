import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Records that a rollout was cancelled, even if it has been deleted since. Only rollouts created after that may move its printers back
 * (decisions on downgrades: "cancel, then roll out"). An older one must not: a cancel sends nothing.
 */
@Entity('rollout_cancellation')
export class RolloutCancellation {
  /** The rollout that was cancelled. Not a foreign key, because it may be deleted. */
  @PrimaryColumn({ name: 'rollout_id', type: 'integer', primaryKeyConstraintName: 'pk_rollout_cancellation' })
  rolloutId!: number;

  /** The newest rollout that existed at that moment. */
  @Column({ name: 'newest_rollout_id', type: 'integer' })
  newestRolloutId!: number;
}
