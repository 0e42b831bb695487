import type { QueryRunner, TableColumnOptions } from 'typeorm';

/** Names of the column types that differ between databases. */
export function typesOf(runner: QueryRunner): { instant: string } {
  return { instant: runner.dataSource.options.type === 'postgres' ? 'timestamptz' : 'datetime' };
}

/** The number of a row. */
export function id(table: string): TableColumnOptions {
  return {
    name: 'id',
    type: 'integer',
    isPrimary: true,
    isGenerated: true,
    generationStrategy: 'increment',
    primaryKeyConstraintName: `pk_${table}`,
  };
}

/** A column that always has a value. */
export const column = (name: string, type: string): TableColumnOptions => ({ name, type });
/** A column that may have none. */
export const nullable = (name: string, type: string): TableColumnOptions => ({
  name,
  type,
  isNullable: true,
});
