import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Instant } from '../../../database/columns.js';
import { Firmware } from '../../../firmware/firmware.entity.js';
import type { RolloutStatus } from '../../rules/status.js';
import { RolloutCounters } from './rollout-counters.js';

/** How a rollout starts and spreads (guide, "Rollout Types"). */
export const ROLLOUT_TYPES = ['immediate', 'gradual', 'scheduled'] as const;
export type RolloutType = (typeof ROLLOUT_TYPES)[number];

/** An update campaign: a rule that says which printers should run which version. */
@Entity('rollout')
@Index('ix_rollout_status', ['status'])
@Index('ix_rollout_version', ['version'])
@Index('ix_rollout_firmware', ['firmwareId'])
@Index('ix_rollout_rollback', ['rollbackId'])
@Index('ix_rollout_taken_back_by', ['takenBackBy'])
export class Rollout extends RolloutCounters {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_rollout' })
  id!: number;

  /** The version's text stays when the firmware is deleted. */
  @Column({ name: 'firmware_version', type: 'varchar' })
  version!: string;

  @Column({ name: 'version_key', type: 'varchar' })
  versionKey!: string;

  /** The firmware row that the rollout named when it was created; null once that is deleted. */
  @Column({ name: 'firmware_version_id', type: 'integer', nullable: true })
  firmwareId!: number | null;

  @ManyToOne(() => Firmware, { onDelete: 'SET NULL' })
  @JoinColumn({ name: 'firmware_version_id', foreignKeyConstraintName: 'fk_rollout_firmware' })
  firmware?: Relation<Firmware> | null;

  @Column({ name: 'target_all', type: 'boolean' })
  targetAll!: boolean;

  /** Number of printers or users that its target lists (`RolloutTargetRow`); null if it lists none. */
  @Column({ name: 'target_ids_count', type: 'integer', nullable: true })
  targetIdsCount!: number | null;

  /** JSON list of channels, or null. */
  @Column({ name: 'target_channels', type: 'text', nullable: true })
  targetChannels!: string | null;

  @Column({ name: 'min_version', type: 'varchar', nullable: true })
  minVersion!: string | null;

  @Column({ name: 'max_version', type: 'varchar', nullable: true })
  maxVersion!: string | null;

  @Column({ name: 'allow_downgrade', type: 'boolean' })
  allowDowngrade!: boolean;

  @Column({ name: 'rollout_type', type: 'varchar' })
  type!: RolloutType;

  @Column({ name: 'rollout_percentage', type: 'integer' })
  percentage!: number;

  @Instant({ name: 'scheduled_for', nullable: true })
  scheduledFor!: Date | null;

  @Column({ type: 'varchar' })
  status!: RolloutStatus;

  @Instant({ name: 'created_at' })
  createdAt!: Date;

  /** The name that operators gave it. */
  @Column({ type: 'varchar', nullable: true })
  name!: string | null;

  @Column({ type: 'text', nullable: true })
  note!: string | null;

  /** Who created it, as the audit log names them. */
  @Column({ name: 'created_by', type: 'varchar' })
  createdBy!: string;

  /** The rollback that created it, to move printers back from the version that its bounds name; null for any other rollout. */
  @Column({ name: 'rollback_id', type: 'integer', nullable: true })
  rollbackId!: number | null;

  /** JSON of `CameFrom`: narrows a rollback to printers by the version they ran before; null if it does not. */
  @Column({ name: 'came_from', type: 'text', nullable: true })
  cameFrom!: string | null;

  /** The rollback that took its version back, and so cancelled it. */
  @Column({ name: 'taken_back_by', type: 'integer', nullable: true })
  takenBackBy!: number | null;
}

/** Parses the list in a JSON column. */
export function listOf(json: string | null): string[] | null {
  return json === null ? null : (JSON.parse(json) as string[]);
}
