import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Rollout } from './rollout.entity.js';

/**
 * The printers or users that a rollout lists. They are not in the rollout's own row because that is written with every counter and read
 * with every list of rollouts, and ten thousand UUIDs are 400 KB.
 */
@Entity('rollout_target')
export class RolloutTargetRow {
  @PrimaryColumn({ name: 'rollout_id', type: 'integer', primaryKeyConstraintName: 'pk_rollout_target' })
  rolloutId!: number;

  @ManyToOne(() => Rollout, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'rollout_id', foreignKeyConstraintName: 'fk_rollout_target_rollout' })
  rollout?: Relation<Rollout>;

  /** JSON list of UUIDs, or null; the same holds for `printerIds`. */
  @Column({ name: 'user_ids', type: 'text', nullable: true })
  userIds!: string | null;

  @Column({ name: 'printer_ids', type: 'text', nullable: true })
  printerIds!: string | null;
}
