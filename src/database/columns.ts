import { Column } from 'typeorm';
import type { ColumnOptions } from 'typeorm';

/**
 * A column that holds an instant, in UTC and to the millisecond. Every instant column is declared here, so that only this function changes
 * when another database needs another column type. Compare with `Date` objects only.
 */
export function Instant(options: Pick<ColumnOptions, 'name' | 'nullable'> = {}): PropertyDecorator {
  return Column({ ...options, type: 'datetime' });
}
