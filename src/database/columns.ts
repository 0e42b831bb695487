import { Column } from 'typeorm';
import type { ColumnOptions } from 'typeorm';

/**
 * A column that holds an instant, always in UTC and to the millisecond. Every instant goes through here, so that the
 * type of the column is named in one place when another database needs another one. Compare with `Date` objects only.
 */
export function Instant(options: Pick<ColumnOptions, 'name' | 'nullable'> = {}): PropertyDecorator {
  return Column({ ...options, type: 'datetime' });
}
