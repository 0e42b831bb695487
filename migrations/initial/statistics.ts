import { Table } from 'typeorm';
import { column, id, primary } from '../columns.js';

/** What the fleet ran over time, and how many updates ended. */
export function statisticsTables(): Table[] {
  return [
    new Table({
      name: 'fleet_sample',
      columns: [
        id('fleet_sample'),
        column('at', 'datetime'),
        column('grain', 'varchar'),
        column('online', 'integer'),
        column('versions', 'text'),
      ],
      indices: [{ name: 'ix_fleet_sample_at', columnNames: ['at'] }],
    }),
    new Table({
      name: 'outcome_count',
      columns: [
        primary('outcome_count', 'id', 'integer'),
        column('completed', 'integer'),
        column('failed', 'integer'),
        column('declined', 'integer'),
      ],
    }),
  ];
}
