import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { Instant } from '../../database/columns.js';

/** How long a sample is kept: the first of a day longest, then the first of an hour. */
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

  /** JSON: how many printers each version has, the commonest versions by name. */
  @Column({ type: 'text' })
  versions!: string;
}
