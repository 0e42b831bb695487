import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Total time that the server has run, across restarts; a single row. */
@Entity('service_time')
export class ServiceTimeRow {
  /** Always 1. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_service_time' })
  id!: number;

  @Column({ type: 'integer' })
  seconds!: number;
}
