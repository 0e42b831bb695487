import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Relation } from 'typeorm';
import { Rollout } from './rollout.entity.js';

/**
 * The printers that were pending when a rollout was cancelled, some hundred per row. The rollout's counters stay as they were, except for
 * printers that are deleted.
 */
@Entity('cancelled_pending')
export class CancelledPendingRow {
  @PrimaryColumn({ name: 'rollout_id', type: 'integer', primaryKeyConstraintName: 'pk_cancelled_pending' })
  rolloutId!: number;

  @ManyToOne(() => Rollout, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'rollout_id', foreignKeyConstraintName: 'fk_cancelled_pending_rollout' })
  rollout?: Relation<Rollout>;

  /** The lowest number in `printerIds`. */
  @PrimaryColumn({
    name: 'first_printer_id',
    type: 'integer',
    primaryKeyConstraintName: 'pk_cancelled_pending',
  })
  firstPrinterId!: number;

  /** Numbers of printers in ascending order, as a JSON list. */
  @Column({ name: 'printer_ids', type: 'text' })
  printerIds!: string;
}
