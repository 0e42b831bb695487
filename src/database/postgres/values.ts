import type { CustomTypesConfig } from 'pg';
import { fromPostgresText } from './texts.js';
import type { SqlValue } from '../sql.js';

type Parser = (text: string) => SqlValue;

// Object identifiers of PostgreSQL's types (pg_type.dat).
const PARSERS: Readonly<Record<number, Parser>> = {
  16: (text) => (text === 't' ? 1 : 0), // boolean
  20: Number, // bigint; integers are exact as JavaScript numbers here
  21: Number, // smallint
  23: Number, // integer
  700: Number, // real
  701: Number, // double precision
  1700: Number, // numeric, such as the sum of bigints
  1184: toSqlInstant, // timestamp with time zone
};

/** Parses values into what SQLite would return: booleans as 0 and 1, instants as texts of `sqlInstant`. */
export const VALUES: CustomTypesConfig = {
  getTypeParser: (type: number) => PARSERS[type] ?? fromPostgresText,
};

const MILLISECONDS = 3;

/** PostgreSQL leaves out trailing zeros of a second. The connection's time zone is UTC. */
function toSqlInstant(text: string): string {
  const [seconds = '', fraction = ''] = text.replace(/\+00$/, '').split('.');
  return `${seconds}.${fraction.padEnd(MILLISECONDS, '0')}`;
}
