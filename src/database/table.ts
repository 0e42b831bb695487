import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import { jsonRows, rowsOf } from './sql.js';
import type { ColumnType, Sql, SqlValue } from './sql.js';

interface Mapped {
  property: string;
  column: string;
  type: ColumnType;
  toSql: (value: unknown) => SqlValue;
  fromSql: (value: SqlValue) => unknown;
}

/**
 * One table for prepared statements, with the columns, names and types that its TypeORM entity declares. An entity read here equals the one
 * that TypeORM would have built.
 */
export class Table<T extends ObjectLiteral> {
  /** The columns for a SELECT, in the order that `entity` expects. */
  readonly columns: string;
  private readonly name: string;
  private readonly mapped: ReadonlyMap<string, Mapped>;
  private readonly inserted: readonly Mapped[];
  private readonly selected: readonly Mapped[];

  /** @param only properties to read; absent: all. A table that reads only some properties cannot be inserted into. */
  constructor(metadata: EntityMetadata, only?: ReadonlyArray<keyof T & string>) {
    this.name = metadata.tableName;
    const wanted = metadata.columns.filter(({ propertyName }) => only?.includes(propertyName) ?? true);
    const mapped = wanted.map(({ propertyName, databaseName, type }) => ({
      property: propertyName,
      column: databaseName,
      ...conversion(type),
    }));
    this.mapped = new Map(mapped.map((one) => [one.property, one]));
    this.inserted = mapped.filter(({ property }) => property !== 'id');
    this.selected = mapped;
    this.columns = mapped.map(({ column }) => `${this.name}.${column}`).join(', ');
  }

  /** The first row, or null. `rest` is the SQL after FROM without a LIMIT, such as `WHERE id = ?`. */
  async find(sql: Sql, rest: string, ...values: SqlValue[]): Promise<T | null> {
    const [row] = await this.select(sql, `${rest} LIMIT 1`, ...values);
    return row ?? null;
  }

  /** All rows. `rest` is the SQL after FROM. */
  async select(sql: Sql, rest: string, ...values: SqlValue[]): Promise<T[]> {
    const rows = await sql.values(this.selection(rest), ...values);
    return rows.map((row) => this.entity(row));
  }

  /** Inserts a row, and resolves with its number. */
  async insert(sql: Sql, row: Omit<T, 'id'>): Promise<number> {
    const [inserted] = await this.insertAll(sql, [row], ['id']);
    return Number(inserted?.[0]);
  }

  /** Updates some columns of one row. */
  async update(sql: Sql, id: number, changes: Partial<T>): Promise<void> {
    await this.updateAll(sql, [{ id, columns: changes }]);
  }

  /**
   * Inserts rows.
   *
   * @param returning columns of the new rows to resolve with; absent: nothing is returned
   */
  insertAll(
    sql: Sql,
    rows: ReadonlyArray<Omit<T, 'id'>>,
    returning?: readonly string[],
  ): Promise<SqlValue[][]> {
    const columns = this.inserted.map(({ column }) => column);
    const values = rows.map((row: Readonly<Record<string, unknown>>) =>
      this.inserted.map(({ property, toSql }) => toSql(row[property])),
    );
    return sql.insertRows(this.name, columns, values, returning);
  }

  /**
   * Updates columns of many rows, with one statement for all rows of which the same columns change. A column that is not named is not
   * touched: an index costs more than the row.
   *
   * @param first rows to update before all others, if not all may have their new values at a time
   */
  async updateAll(
    sql: Sql,
    changes: ReadonlyArray<RowChange<T>>,
    first: (change: RowChange<T>) => boolean = () => true,
  ): Promise<void> {
    const groups = new Map<string, { mapped: Mapped[]; rows: SqlValue[][] }>();
    for (const change of [...changes.filter(first), ...changes.filter((one) => !first(one))]) {
      const mapped = Object.keys(change.columns).map((property) => this.of(property));
      if (mapped.length === 0) continue;
      const name = mapped.map(({ column }) => column).join(', ') + String(first(change));
      let group = groups.get(name);
      if (group === undefined) groups.set(name, (group = { mapped, rows: [] }));
      const values: Readonly<Record<string, unknown>> = change.columns;
      group.rows.push([change.id, ...mapped.map(({ property, toSql }) => toSql(values[property]))]);
    }
    for (const { mapped, rows } of groups.values()) {
      const columns = mapped.map(({ column }) => column);
      const set = columns.map((column) => `${column} = changed.${column}`).join(', ');
      const from = rowsOf({ id: 'integer', ...typesOf(mapped) });
      await sql.run(
        `UPDATE ${this.name} SET ${set} FROM ${from} AS changed WHERE ${this.name}.id = changed.id`,
        jsonRows(rows),
      );
    }
  }

  /** Builds an entity from a row that begins with `columns`. */
  entity(values: readonly SqlValue[]): T {
    const entity: Record<string, unknown> = {};
    this.selected.forEach(({ property, fromSql }, index) => {
      entity[property] = fromSql(values[index] ?? null);
    });
    return entity as T;
  }

  private selection(rest: string): string {
    return `SELECT ${this.columns} FROM ${this.name} ${rest}`;
  }

  private of(property: string): Mapped {
    const found = this.mapped.get(property);
    if (found === undefined) throw new Error(`Table ${this.name} has no column for ${property}`);
    return found;
  }
}

/** Columns of a row to update. */
export interface RowChange<T> {
  id: number;
  columns: Partial<T>;
}

/** The columns that differ between two states of a row; the order is that of the entity. */
export function changedColumns<T extends ObjectLiteral>(before: T, after: T): Partial<T> {
  const changed: Partial<T> = {};
  for (const property in after) if (before[property] !== after[property]) changed[property] = after[property];
  return changed;
}

/** An instant as TypeORM writes it on SQLite: UTC, to the millisecond, so that texts sort as instants do. */
export function sqlInstant(instant: Date): string {
  const time = instant.getTime();
  // One row often has the same instant several times, and so do neighbouring rows.
  if (time !== lastTime) {
    lastTime = time;
    lastText = instant.toISOString().replace('T', ' ').slice(0, -1);
  }
  return lastText;
}

let lastTime = Number.NaN;
let lastText = '';

/** Parses an instant written by `sqlInstant`. */
export function fromSqlInstant(text: string): Date {
  return new Date(`${text.replace(' ', 'T')}Z`);
}

function typesOf(mapped: readonly Mapped[]): Record<string, ColumnType> {
  return Object.fromEntries(mapped.map(({ column, type }) => [column, type]));
}

function conversion(
  type: EntityMetadata['columns'][number]['type'],
): Pick<Mapped, 'type' | 'toSql' | 'fromSql'> {
  switch (type) {
    case 'boolean':
      return {
        type: 'boolean',
        toSql: (value) => (value === true ? 1 : 0),
        fromSql: (value) => value === 1,
      };
    case 'datetime':
    case 'timestamptz':
      return {
        type: 'instant',
        toSql: (value) => (value instanceof Date ? sqlInstant(value) : null),
        fromSql: (value) => (typeof value === 'string' ? fromSqlInstant(value) : null),
      };
    default:
      return {
        type: type === 'integer' || type === 'bigint' ? 'integer' : 'text',
        toSql: (value) => (value ?? null) as SqlValue,
        fromSql: (value) => value,
      };
  }
}
