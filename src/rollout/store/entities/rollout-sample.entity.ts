import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Instant } from '../../../database/columns.js';
import type { RolloutStatus } from '../../rules/status.js';
import { RolloutCounters } from './rollout-counters.js';
import { Rollout } from './rollout.entity.js';

/** The status and counters of a rollout at one moment. In the order of their numbers, samples form its timeline. */
@Entity('rollout_sample')
@Index('ix_sample_rollout', ['rolloutId'])
export class RolloutSample extends RolloutCounters {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_rollout_sample' })
  id!: number;

  @Column({ name: 'rollout_id', type: 'integer' })
  rolloutId!: number;

  @ManyToOne(() => Rollout, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'rollout_id', foreignKeyConstraintName: 'fk_sample_rollout' })
  rollout?: Relation<Rollout>;

  @Instant({ name: 'at' })
  at!: Date;

  @Column({ type: 'varchar' })
  status!: RolloutStatus;
}
