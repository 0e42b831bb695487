import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import type { SqlRow, SqlValue, Statements } from './statements.js';

interface Mapped {
  property: string;
  column: string;
  toSql: (value: unknown) => SqlValue;
  fromSql: (value: SqlValue) => unknown;
}

/**
 * One table for prepared statements, with the columns, names and types that its TypeORM entity declares: an entity that
 * is read here is the same object that TypeORM would have made.
 */
export class Table<T extends ObjectLiteral> {
  /** Names for a SELECT, each under the name of its property. */
  readonly columns: string;
  private readonly name: string;
  private readonly mapped: ReadonlyMap<string, Mapped>;

  constructor(metadata: EntityMetadata) {
    this.name = metadata.tableName;
    const mapped = metadata.columns.map(({ propertyName, databaseName, type }) => ({
      property: propertyName,
      column: databaseName,
      ...conversion(type),
    }));
    this.mapped = new Map(mapped.map((one) => [one.property, one]));
    this.columns = mapped.map(({ property, column }) => `${this.name}.${column} AS ${property}`).join(', ');
  }

  /** The first row; `rest` is what follows FROM, such as `WHERE id = ?`. */
  find(statements: Statements, rest: string, ...values: SqlValue[]): T | null {
    const row = statements.get(`SELECT ${this.columns} FROM ${this.name} ${rest}`, ...values);
    return row === undefined ? null : this.read(row);
  }

  /** All rows; `rest` is what follows FROM. */
  select(statements: Statements, rest: string, ...values: SqlValue[]): T[] {
    return statements
      .all(`SELECT ${this.columns} FROM ${this.name} ${rest}`, ...values)
      .map((row) => this.read(row));
  }

  /** Inserts a row, and returns its number. */
  insert(statements: Statements, row: Omit<T, 'id'>): number {
    const properties = Object.keys(row);
    const columns = properties.map((property) => this.of(property).column).join(', ');
    const places = properties.map(() => '?').join(', ');
    return statements.insert(`INSERT INTO ${this.name} (${columns}) VALUES (${places})`, ...this.values(row));
  }

  /** Changes some columns of one row. */
  update(statements: Statements, id: number, changes: Partial<T>): void {
    const properties = Object.keys(changes);
    const set = properties.map((property) => `${this.of(property).column} = ?`).join(', ');
    statements.run(`UPDATE ${this.name} SET ${set} WHERE id = ?`, ...this.values(changes), id);
  }

  /** Makes an entity of a row that was read by `columns`. */
  read(row: SqlRow): T {
    const entity: Record<string, unknown> = {};
    for (const { property, fromSql } of this.mapped.values())
      entity[property] = fromSql(row[property] ?? null);
    return entity as T;
  }

  private values(row: object): SqlValue[] {
    return Object.entries(row).map(([property, value]) => this.of(property).toSql(value));
  }

  private of(property: string): Mapped {
    const found = this.mapped.get(property);
    if (found === undefined) throw new Error(`Table ${this.name} has no column for ${property}`);
    return found;
  }
}

/** An instant as TypeORM writes it on SQLite: UTC, to the millisecond, so that texts sort as instants do. */
export function sqlInstant(instant: Date): string {
  return instant.toISOString().replace('T', ' ').slice(0, -1);
}

/** The instant that `sqlInstant` wrote. */
export function fromSqlInstant(text: string): Date {
  return new Date(`${text.replace(' ', 'T')}Z`);
}

function conversion(type: EntityMetadata['columns'][number]['type']): Pick<Mapped, 'toSql' | 'fromSql'> {
  switch (type) {
    case 'boolean':
      return { toSql: (value) => (value === true ? 1 : 0), fromSql: (value) => value === 1 };
    case 'datetime':
      return {
        toSql: (value) => (value instanceof Date ? sqlInstant(value) : null),
        fromSql: (value) => (typeof value === 'string' ? fromSqlInstant(value) : null),
      };
    default:
      return { toSql: (value) => (value ?? null) as SqlValue, fromSql: (value) => value };
  }
}
