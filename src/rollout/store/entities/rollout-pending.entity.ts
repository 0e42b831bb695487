import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Rollout } from './rollout.entity.js';

/** How many pending targets of a rollout are in one bucket. Changed with `pending_count`, in the same transaction. */
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
