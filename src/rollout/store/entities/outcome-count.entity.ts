import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * Number of updates that ended in each slot of five minutes, so that a day is counted by reading some hundred rows. An index over the
 * updates would have to be written with every update.
 */
@Entity('outcome_count')
export class OutcomeCount {
  /** The slot: five-minute intervals since 1970. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_outcome_count' })
  id!: number;

  @Column({ type: 'integer' })
  completed!: number;

  @Column({ type: 'integer' })
  failed!: number;

  @Column({ type: 'integer' })
  declined!: number;
}
