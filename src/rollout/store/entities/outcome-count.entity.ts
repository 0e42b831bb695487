import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * How many updates ended in five minutes, so that those of a day are counted by reading some hundred rows. An index over the updates
 * would be written with each of them.
 */
@Entity('update_ending')
export class OutcomeCount {
  /** The five minutes, counted since 1970. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_update_ending' })
  id!: number;

  @Column({ type: 'integer' })
  completed!: number;

  @Column({ type: 'integer' })
  failed!: number;

  @Column({ type: 'integer' })
  declined!: number;
}
