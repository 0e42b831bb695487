import type { QueryRunner, Table, TableColumnOptions, TableForeignKeyOptions } from 'typeorm';

/** True if a migration runs on PostgreSQL. */
export function isPostgres(runner: QueryRunner): boolean {
  return runner.dataSource.options.type === 'postgres';
}

const POSTGRES_TYPES: Readonly<Record<string, Partial<TableColumnOptions>>> = {
  // As large as on SQLite.
  integer: { type: 'bigint' },
  datetime: { type: 'timestamptz', precision: 3 },
  // Sorted as on SQLite: by their bytes.
  varchar: { collation: 'C' },
  text: { collation: 'C' },
};

/** Gives the columns of a table, which name SQLite's types, the types of PostgreSQL. */
export function asOnPostgres(table: Table): Table {
  for (const column of table.columns) Object.assign(column, POSTGRES_TYPES[column.type]);
  return table;
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
