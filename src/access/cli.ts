import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { Command, InvalidArgumentError } from 'commander';
import { DataSource } from 'typeorm';
import { AuditEntry } from '../audit/audit-entry.entity.js';
import { toAuditEntry } from '../audit/audit-log.js';
import type { AuditedChange } from '../audit/audit-log.js';
import { parseInstant } from '../common/instant.js';
import { explainFailure } from '../common/startup-error.js';
import { AppConfig } from '../config/config.js';
import { readEnvironment } from '../config/environment.js';
import { dataSourceOptions } from '../database/data-source.js';
import { writingConnection } from '../database/database.js';
import { requireDatabase, requireSameSchema } from '../database/sqlite/schema-check.js';
import { Statements } from '../database/statements.js';
import { Table } from '../database/table.js';
import { ApiKey } from './api-key.entity.js';
import { CLAIM_SEEN_WITHIN_MS, keyMade, keyRevoked, newKey } from './api-keys.js';
import { SCOPES } from '../http/scopes.js';
import type { Scope } from '../http/scopes.js';

interface CreateOptions {
  admin?: true;
  scopes: Scope[];
  expires?: Date;
}

const program = new Command('keys').description(
  'Keys for the management of the server whose database DATABASE_URL names; it may be running.',
);
program
  .command('create <name>')
  .description('make a key; it is printed once and cannot be read again')
  .option('--admin', 'good for everything, further keys included')
  .option('--scopes <list>', `what it is good for, by commas: ${SCOPES.join(', ')}`, scopes, ['read'])
  .option('--expires <time>', 'when it ceases to work, e.g. 2030-01-01T00:00:00Z', instant)
  .action((name: string, options: CreateOptions) => withTables((tables) => create(tables, name, options)));
program
  .command('list')
  .description('list the keys, the newest first')
  .action(() => withTables(list));
program
  .command('revoke <id>')
  .description('revoke a key, at once and for good')
  .action((id: string) => withTables((tables) => revoke(tables, id)));

/** The tables that the commands write, combined so that each change is written with its audit entry. */
interface Tables {
  keys: Table<ApiKey>;
  audit: Table<AuditEntry>;
  db: Statements;
  connection: Database;
}

const ACTOR = { kind: 'command_line', keyId: null, name: null, address: null } as const;

function record({ audit, db }: Tables, change: AuditedChange): void {
  const row = toAuditEntry(change, ACTOR, new Date());
  if (row !== null) audit.insert(db, row);
}

async function create(tables: Tables, name: string, options: CreateOptions): Promise<void> {
  const wanted = {
    name,
    scopes: options.admin ? (['admin'] as const) : options.scopes,
    expiresAt: options.expires ?? null,
  };
  const { key, row } = newKey(wanted, new Date());
  const insert = tables.connection.transaction(() => {
    const inserted = tables.keys.insert(tables.db, row);
    record(tables, keyMade({ ...row, id: inserted }));
    return inserted;
  });
  const id = insert.immediate();
  await sleep(CLAIM_SEEN_WITHIN_MS);
  console.error(`Key ${id} (${name}), good for ${row.scopes}. It is shown this once:`);
  console.log(key);
}

const HEADINGS = ['ID', 'KEY', 'NAME', 'SCOPES', 'STATE', 'LAST USED'];

function list({ keys, db }: Tables): void {
  const rows = keys.select(db, 'ORDER BY id DESC').map((row) => {
    const state = row.revokedAt
      ? 'revoked'
      : row.expiresAt
        ? `until ${row.expiresAt.toISOString()}`
        : 'valid';
    const used = row.lastUsedAt?.toISOString() ?? 'never';
    return [String(row.id), `${row.prefix}…`, row.name, row.scopes, state, used];
  });
  if (rows.length === 0) return console.error('There are no keys');
  for (const line of inColumns([HEADINGS, ...rows])) console.log(line);
}

/** Lines of text with their columns aligned. */
function inColumns(rows: readonly string[][]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function revoke(tables: Tables, id: string): void {
  const { keys, db } = tables;
  const row = keys.find(db, 'WHERE id = ?', Number(id));
  if (row === null) return program.error(`There is no key ${id}`);
  if (row.revokedAt === null) {
    const revokedAt = new Date();
    const update = tables.connection.transaction(() => {
      keys.update(db, row.id, { revokedAt });
      record(tables, keyRevoked(row, revokedAt));
    });
    update.immediate();
  }
  console.log(`Key ${id} (${row.name}) is revoked`);
}

async function withTables(work: (tables: Tables) => void | Promise<void>): Promise<void> {
  const config = new AppConfig(readEnvironment());
  const { databasePath } = config;
  requireDatabase(databasePath);
  // Migrating the database would break a running server of another version.
  requireSameSchema(databasePath);
  console.error(`Database: ${databasePath}`);
  const options = { ...dataSourceOptions(config), migrationsRun: false };
  const dataSource = new DataSource({ ...options, entities: [ApiKey, AuditEntry] });
  await dataSource.initialize();
  try {
    const connection = writingConnection(dataSource);
    await work({
      keys: new Table(dataSource.getMetadata(ApiKey)),
      audit: new Table(dataSource.getMetadata(AuditEntry)),
      db: new Statements(connection),
      connection,
    });
  } finally {
    await dataSource.destroy();
  }
}

function scopes(text: string): Scope[] {
  return text.split(',').map((name) => {
    const scope = SCOPES.find((one) => one === name.trim());
    if (scope === undefined) throw new InvalidArgumentError(`A scope is one of ${SCOPES.join(', ')}.`);
    return scope;
  });
}

function instant(text: string): Date {
  const parsed = parseInstant(text);
  if (parsed === null || parsed <= new Date()) throw new InvalidArgumentError('It must be a time to come.');
  return parsed;
}

program.parseAsync().catch((error: unknown) => program.error(explainFailure(error, 'It failed')));
