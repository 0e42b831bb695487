import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { Instant } from '../../../database/columns.js';

/** A version that was taken back in one action, which cancelled every rollout of it and created those that move its printers back. */
@Entity('rollback')
@Index('ix_rollback_version', ['version'])
export class Rollback {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_rollback' })
  id!: number;

  /** The version that was taken back. */
  @Column({ name: 'firmware_version', type: 'varchar' })
  version!: string;

  /** `previous`, or one version for all. */
  @Column({ name: 'to_version', type: 'varchar' })
  to!: string;

  /** Number of rollouts that it created. */
  @Column({ type: 'integer' })
  rollouts!: number;

  /** Who started it, as the audit log names them. */
  @Column({ name: 'created_by', type: 'varchar' })
  createdBy!: string;

  @Instant({ name: 'created_at' })
  createdAt!: Date;
}
