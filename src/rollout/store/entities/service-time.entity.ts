import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How long the server has run over all its lives; a single row. */
@Entity('service_time')
export class ServiceTimeRow {
  /** Always 1. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_service_time' })
  id!: number;

  @Column({ type: 'integer' })
  seconds!: number;
}
