import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { Instant } from '../../database/columns.js';

/** The period that a sample represents. It decides how long the sample is kept: days longest, then hours. */
export type Grain = 'day' | 'hour' | 'minutes';

/** What the fleet ran at one moment. */
@Entity('fleet_sample')
@Index('ix_fleet_sample_at', ['at'])
export class FleetSample {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_fleet_sample' })
  id!: number;

  @Instant()
  at!: Date;

  @Column({ type: 'varchar' })
  grain!: Grain;

  @Column({ type: 'integer' })
  online!: number;

  /** JSON: number of printers by version; only the most common versions are named. */
  @Column({ type: 'text' })
  versions!: string;
}
