import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Rollout } from './rollout.entity.js';

/** The bytes that a rollout sends to a platform: chosen once, and never changed (decisions, "Firmware"). */
@Entity('rollout_build')
export class RolloutBuild {
  @PrimaryColumn({ name: 'rollout_id', type: 'integer', primaryKeyConstraintName: 'pk_rollout_build' })
  rolloutId!: number;

  @ManyToOne(() => Rollout, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'rollout_id', foreignKeyConstraintName: 'fk_rollout_build_rollout' })
  rollout?: Relation<Rollout>;

  /** The boards that the build fits; '' fits every board. */
  @PrimaryColumn({ type: 'varchar', primaryKeyConstraintName: 'pk_rollout_build' })
  platform!: string;

  @Column({ type: 'varchar' })
  sha256!: string;
}
