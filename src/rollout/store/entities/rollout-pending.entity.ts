import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Rollout } from './rollout.entity.js';

/** Number of pending targets of a rollout in one bucket. It changes with `pending_count`, in the same transaction. */
@Entity('rollout_pending')
export class RolloutPending {
  @PrimaryColumn({ name: 'rollout_id', type: 'integer', primaryKeyConstraintName: 'pk_rollout_pending' })
  rolloutId!: number;

  @ManyToOne(() => Rollout, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'rollout_id', foreignKeyConstraintName: 'fk_rollout_pending_rollout' })
  rollout?: Relation<Rollout>;

  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_rollout_pending' })
  bucket!: number;

  @Column({ type: 'integer' })
  pending!: number;
}
