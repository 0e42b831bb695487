import 'reflect-metadata';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { DataSource } from 'typeorm';
import { AuditEntry } from '../audit/audit-entry.entity.js';
import { toAuditEntry } from '../audit/audit-log.js';
import type { AuditedChange } from '../audit/audit-log.js';
import { parseInstant } from '../common/instant.js';
import { explainFailure } from '../common/startup-error.js';
import { AppConfig } from '../config/config.js';
import { dataFiles } from '../config/data-files.js';
import { readEnvironment } from '../config/environment.js';
import { connectionOf, dataSourceOptions } from '../database/data-source.js';
import { requireDatabase, requireSameSchema } from '../database/sqlite/schema-check.js';
import type { Sql } from '../database/sql.js';
import { sqlOn } from '../database/sqlite/sqlite-sql.js';
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
  'Manage the API keys of the server whose database is set by DATABASE_URL. The server may be running.',
);
program
  .command('create <name>')
  .description('create a key; it is printed once and cannot be shown again')
  .option('--admin', 'give it full access, including to the keys')
  .option('--scopes <list>', `its scopes, separated by commas: ${SCOPES.join(', ')}`, scopes, ['read'])
  .option('--expires <time>', 'when it expires, e.g. 2030-01-01T00:00:00Z', instant)
  .action((name: string, options: CreateOptions) => withTables((tables) => create(tables, name, options)));
program
  .command('list')
  .description('list the keys, newest first')
  .action(() => withTables(list));
program
  .command('revoke <id>')
  .description('revoke a key immediately and permanently')
  .action((id: string) => withTables((tables) => revoke(tables, id)));

/** The tables that the commands write, combined so that each change is written with its audit entry. */
interface Tables {
  keys: Table<ApiKey>;
  audit: Table<AuditEntry>;
  sql: Sql;
  /** Path of the token that claims a server without keys. */
  claimToken: string;
}

const ACTOR = { kind: 'command_line', keyId: null, name: null, address: null } as const;

async function record({ audit, sql }: Tables, change: AuditedChange): Promise<void> {
  const row = toAuditEntry(change, ACTOR, new Date());
  if (row !== null) await audit.insert(sql, row);
}

async function create(tables: Tables, name: string, options: CreateOptions): Promise<void> {
  const wanted = {
    name,
    scopes: options.admin ? (['admin'] as const) : options.scopes,
    expiresAt: options.expires ?? null,
  };
  const { key, row } = newKey(wanted, new Date());
  const id = await inTransaction(tables.sql, async () => {
    const inserted = await tables.keys.insert(tables.sql, row);
    await record(tables, keyMade({ ...row, id: inserted }));
    return inserted;
  });
  // The first key replaces it.
  rmSync(tables.claimToken, { force: true });
  await sleep(CLAIM_SEEN_WITHIN_MS);
  console.error(`Key ${id} (${name}), scopes: ${row.scopes}. Store it now, it is shown only once:`);
  console.log(key);
}

const HEADINGS = ['ID', 'KEY', 'NAME', 'SCOPES', 'STATE', 'LAST USED'];

async function list({ keys, sql }: Tables): Promise<void> {
  const rows = (await keys.select(sql, 'ORDER BY id DESC')).map((row) => {
    const state = row.revokedAt
      ? 'revoked'
      : row.expiresAt
        ? `until ${row.expiresAt.toISOString()}`
        : 'valid';
    const used = row.lastUsedAt?.toISOString() ?? 'never';
    return [String(row.id), `${row.prefix}…`, row.name, row.scopes, state, used];
  });
  if (rows.length === 0) {
    console.error('There are no keys');
    return;
  }
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

async function revoke(tables: Tables, id: string): Promise<void> {
  const { keys, sql } = tables;
  const row = await keys.find(sql, 'WHERE id = ?', Number(id));
  if (row === null) return program.error(`Key ${id} does not exist`);
  if (row.revokedAt === null) {
    const revokedAt = new Date();
    await inTransaction(sql, async () => {
      await keys.update(sql, row.id, { revokedAt });
      await record(tables, keyRevoked(row, revokedAt));
    });
  }
  console.log(`Revoked key ${id} (${row.name})`);
}

async function inTransaction<T>(sql: Sql, work: () => Promise<T>): Promise<T> {
  await sql.run('BEGIN IMMEDIATE');
  try {
    const result = await work();
    await sql.run('COMMIT');
    return result;
  } catch (error) {
    await sql.run('ROLLBACK').catch(() => undefined);
    throw error;
  }
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
    await work({
      keys: new Table(dataSource.getMetadata(ApiKey)),
      audit: new Table(dataSource.getMetadata(AuditEntry)),
      sql: sqlOn(connectionOf(dataSource)),
      claimToken: dataFiles(config).claimToken,
    });
  } finally {
    await dataSource.destroy();
  }
}

function scopes(text: string): Scope[] {
  return text.split(',').map((name) => {
    const scope = SCOPES.find((one) => one === name.trim());
    if (scope === undefined) throw new InvalidArgumentError(`The scopes are ${SCOPES.join(', ')}.`);
    return scope;
  });
}

function instant(text: string): Date {
  const parsed = parseInstant(text);
  if (parsed === null || parsed <= new Date())
    throw new InvalidArgumentError('It must be a time in the future.');
  return parsed;
}

program.parseAsync().catch((error: unknown) => program.error(explainFailure(error, 'It failed')));
