import { Column, Entity, PrimaryColumn } from 'typeorm';

/** How many printers have a problem with a field. Changed in the same transaction as the printers. */
@Entity('problem_count')
export class ProblemCount {
  /** Name of the field on the wire; `ANY_FIELD` counts the printers that have any problem. */
  @PrimaryColumn({ type: 'varchar', primaryKeyConstraintName: 'pk_problem_count' })
  field!: string;

  @Column({ type: 'integer' })
  printers!: number;
}
