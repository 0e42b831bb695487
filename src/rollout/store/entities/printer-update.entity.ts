import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Instant } from '../../../database/columns.js';
import { Printer } from '../../../printer/printer.entity.js';
import type { UpdateStatus } from '../../rules/status.js';

/**
 * One update of one printer, written before the message is sent. It is deleted with its printer, or if it is taken back because its image
 * was damaged on the server.
 */
@Entity('printer_update')
@Index('uq_update_one_under_way', ['printerId'], { unique: true, where: `"status" = 'in_progress'` })
@Index('uq_update_rollout_printer', ['rolloutId', 'printerId'], {
  unique: true,
  where: '"superseded" = false',
})
@Index('uq_update_printer_sequence', ['printerId', 'sequence'], { unique: true })
@Index('ix_update_failed', ['rolloutId', 'printerId'], { where: `"status" = 'failed'` })
@Index('ix_update_declined', ['rolloutId', 'printerId'], { where: `"status" = 'declined'` })
@Index('ix_update_last_heard', ['lastHeard'], { where: `"status" = 'in_progress'` })
@Index('ix_update_last_sent', ['lastSent'], { where: `"status" = 'in_progress'` })
@Index('ix_update_about_to_run', ['version', 'printerId'], {
  where: `"status" IN ('in_progress', 'completed') AND "confirmed" = false`,
})
export class PrinterUpdate {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_printer_update' })
  id!: number;

  /**
   * Not a foreign key: the number stays when the rollout is deleted, and is never reused. So a rollout with a million updates is deleted by
   * removing one row.
   */
  @Column({ name: 'rollout_id', type: 'integer' })
  rolloutId!: number;

  @Column({ name: 'printer_id', type: 'integer' })
  printerId!: number;

  @ManyToOne(() => Printer, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'printer_id', foreignKeyConstraintName: 'fk_update_printer' })
  printer?: Relation<Printer>;

  /** The build that was sent, or the one that replaced it when its row was deleted; 0 if none was sent. Not a foreign key. */
  @Column({ name: 'firmware_id', type: 'integer' })
  firmwareId!: number;

  /** The version that the update leads to; its text stays when the firmware is deleted. */
  @Column({ name: 'firmware_version', type: 'varchar' })
  version!: string;

  @Column({ type: 'varchar' })
  status!: UpdateStatus;

  /** How often the message was sent since the update was opened; 0 if it was declined on the printer's behalf. */
  @Column({ type: 'integer' })
  attempts!: number;

  /** True if the printer came back without the update while the rollout was paused: a resume sends it again. */
  @Column({ name: 'send_on_resume', type: 'boolean' })
  sendOnResume!: boolean;

  /** True once the printer has subscribed with the target version: its own report alone is not proof. */
  @Column({ type: 'boolean' })
  confirmed!: boolean;

  /** True once a retry has replaced this failed update: it is history, and no longer counts for its rollout. */
  @Column({ type: 'boolean' })
  superseded!: boolean;

  @Column({ name: 'error_message', type: 'text', nullable: true })
  errorMessage!: string | null;

  @Instant({ name: 'started_at' })
  startedAt!: Date;

  /** When it ended, whatever the outcome. */
  @Instant({ name: 'completed_at', nullable: true })
  completedAt!: Date | null;

  @Column({ name: 'last_percent', type: 'integer' })
  lastPercent!: number;

  @Column({ name: 'last_status_message', type: 'text', nullable: true })
  lastStatusMessage!: string | null;

  /** When the printer last gave a sign of life (a report, a subscribe, bytes of its download that flow), in seconds of `ServiceTime`. */
  @Column({ name: 'last_heard', type: 'integer' })
  lastHeard!: number;

  /** When the update was last sent, in seconds of `ServiceTime`. */
  @Column({ name: 'last_sent', type: 'integer' })
  lastSent!: number;

  /**
   * Orders the updates of a printer, from 1. An update that is opened again gets the next number. It is not a time, because a clock that is
   * set back would leave the updates permanently in the wrong order.
   */
  @Column({ type: 'integer' })
  sequence!: number;
}
