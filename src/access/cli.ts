import 'reflect-metadata';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { AuditEntry } from '../audit/audit-entry.entity.js';
import { toAuditEntry } from '../audit/audit-log.js';
import type { AuditedChange } from '../audit/audit-log.js';
import { parseInstant } from '../common/instant.js';
import { explainFailure } from '../common/startup-error.js';
import { AppConfig } from '../config/config.js';
import { dataFiles } from '../config/data-files.js';
import { readEnvironment } from '../config/environment.js';
import { CommandDatabase } from '../database/command-database.js';
import type { Table } from '../database/table.js';
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
  database: CommandDatabase;
  /** Path of the token that claims a server without keys. */
  claimToken: string;
}

const ACTOR = { kind: 'command_line', keyId: null, name: null, address: null } as const;

async function record({ audit, database }: Tables, change: AuditedChange): Promise<void> {
  const row = toAuditEntry(change, ACTOR, new Date());
  if (row !== null) await audit.insert(database.sql, row);
}

async function create(tables: Tables, name: string, options: CreateOptions): Promise<void> {
  const wanted = {
    name,
    scopes: options.admin ? (['admin'] as const) : options.scopes,
    expiresAt: options.expires ?? null,
  };
  const { key, row } = newKey(wanted, new Date());
  const id = await tables.database.transaction(async () => {
    const inserted = await tables.keys.insert(tables.database.sql, row);
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

async function list({ keys, database }: Tables): Promise<void> {
  const rows = (await keys.select(database.sql, 'ORDER BY id DESC')).map((row) => {
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
  const { keys, database } = tables;
  const row = await keys.find(database.sql, 'WHERE id = ?', Number(id));
  if (row === null) return program.error(`Key ${id} does not exist`);
  if (row.revokedAt === null) {
    const revokedAt = new Date();
    await database.transaction(async () => {
      await keys.update(database.sql, row.id, { revokedAt });
      await record(tables, keyRevoked(row, revokedAt));
    });
  }
  console.log(`Revoked key ${id} (${row.name})`);
}

async function withTables(work: (tables: Tables) => void | Promise<void>): Promise<void> {
  const config = new AppConfig(readEnvironment());
  const database = await CommandDatabase.open(config, [ApiKey, AuditEntry]);
  console.error(`Database: ${database.name}`);
  try {
    await work({
      keys: database.table(ApiKey),
      audit: database.table(AuditEntry),
      database,
      claimToken: dataFiles(config).claimToken,
    });
  } finally {
    await database.close();
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
