import type { QueryRunner, TableColumnOptions, TableForeignKeyOptions } from 'typeorm';

/** Names of the column types that differ between databases. */
export function typesOf(runner: QueryRunner): { instant: string } {
  return { instant: runner.dataSource.options.type === 'postgres' ? 'timestamptz' : 'datetime' };
}

/** The number of a row, which the database assigns. */
export function id(table: string): TableColumnOptions {
  return { ...primary(table, 'id', 'integer'), isGenerated: true, generationStrategy: 'increment' };
}

/** A column of the primary key that the server fills in. */
export const primary = (table: string, name: string, type: string): TableColumnOptions => ({
  ...column(name, type),
  isPrimary: true,
  primaryKeyConstraintName: `pk_${table}`,
});

/** A column that is never null. */
export const column = (name: string, type: string): TableColumnOptions => ({ name, type });

/** A column that may be null. */
export const nullable = (name: string, type: string): TableColumnOptions => ({
  name,
  type,
  isNullable: true,
});

/** A foreign key to the `id` of another table. */
export const references = (
  name: string,
  columnName: string,
  table: string,
  onDelete: 'CASCADE' | 'SET NULL',
): TableForeignKeyOptions => ({
  name,
  columnNames: [columnName],
  referencedTableName: table,
  referencedColumnNames: ['id'],
  onDelete,
});
