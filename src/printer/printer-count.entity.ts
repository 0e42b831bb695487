import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Channel } from '../common/channel.js';

/**
 * How many printers there are of each kind, as far as a rollout tells them apart without naming them: so the targets of a
 * rollout over a million printers are counted by reading some hundred rows. Changed in the same transaction as the printers.
 */
@Entity('printer_tally')
export class PrinterCount {
  @PrimaryColumn({ name: 'update_channel', type: 'varchar', primaryKeyConstraintName: 'pk_printer_tally' })
  updateChannel!: Channel;

  @PrimaryColumn({ name: 'version_key', type: 'varchar', primaryKeyConstraintName: 'pk_printer_tally' })
  versionKey!: string;

  /** '' where the printers did not say. */
  @PrimaryColumn({ type: 'varchar', primaryKeyConstraintName: 'pk_printer_tally' })
  platform!: string;

  /** The rollout that brought them their version; 0 where none of ours did. */
  @PrimaryColumn({
    name: 'version_rollout_id',
    type: 'integer',
    primaryKeyConstraintName: 'pk_printer_tally',
  })
  versionRolloutId!: number;

  /** What they ran before; '' if that is not known. */
  @PrimaryColumn({ name: 'previous_version', type: 'varchar', primaryKeyConstraintName: 'pk_printer_tally' })
  previousVersion!: string;

  /** The versions that they were moved back from, as a printer has it. */
  @PrimaryColumn({ name: 'moved_back', type: 'varchar', primaryKeyConstraintName: 'pk_printer_tally' })
  movedBack!: string;

  /** Their bucket in gradual rollouts. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_printer_tally' })
  bucket!: number;

  /** Blocked printers are no targets. */
  @PrimaryColumn({ type: 'boolean', primaryKeyConstraintName: 'pk_printer_tally' })
  blocked!: boolean;

  @Column({ type: 'integer' })
  printers!: number;
}
