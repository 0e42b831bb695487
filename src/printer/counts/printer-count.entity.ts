import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Channel } from '../../common/channel.js';

/**
 * Number of printers of each kind: printers that no rollout can tell apart unless it names them. So the targets of a rollout over a million
 * printers are counted from a few hundred rows. Changed in the same transaction as the printers.
 */
@Entity('printer_count')
export class PrinterCount {
  @PrimaryColumn({ name: 'update_channel', type: 'varchar', primaryKeyConstraintName: 'pk_printer_count' })
  updateChannel!: Channel;

  @PrimaryColumn({ name: 'version_key', type: 'varchar', primaryKeyConstraintName: 'pk_printer_count' })
  versionKey!: string;

  /** '' if unknown. */
  @PrimaryColumn({ type: 'varchar', primaryKeyConstraintName: 'pk_printer_count' })
  platform!: string;

  /** The rollout that installed their version; 0 if none did. */
  @PrimaryColumn({
    name: 'version_rollout_id',
    type: 'integer',
    primaryKeyConstraintName: 'pk_printer_count',
  })
  versionRolloutId!: number;

  /** The version before the current one; '' if unknown. */
  @PrimaryColumn({ name: 'previous_version', type: 'varchar', primaryKeyConstraintName: 'pk_printer_count' })
  previousVersion!: string;

  /** The versions that they were moved back from, in the format of `Printer.movedBack`. */
  @PrimaryColumn({ name: 'moved_back', type: 'varchar', primaryKeyConstraintName: 'pk_printer_count' })
  movedBack!: string;

  /** Their bucket in gradual rollouts. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_printer_count' })
  bucket!: number;

  /** Blocked printers are no targets. */
  @PrimaryColumn({ type: 'boolean', primaryKeyConstraintName: 'pk_printer_count' })
  blocked!: boolean;

  @Column({ type: 'integer' })
  printers!: number;
}
