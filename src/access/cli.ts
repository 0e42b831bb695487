import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { DataSource } from 'typeorm';
import { parseInstant } from '../common/instant.js';
import { AppConfig } from '../config/config.js';
import { readEnvironment } from '../config/environment.js';
import { dataSourceOptions } from '../database/data-source.js';
import { writingConnection } from '../database/database.js';
import { Statements } from '../database/statements.js';
import { Table } from '../database/table.js';
import { ApiKey } from './api-key.entity.js';
import { CLAIM_SEEN_WITHIN_MS, newKey } from './api-keys.js';
import { SCOPES } from './scopes.js';
import type { Scope } from './scopes.js';

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
  .action((name: string, options: CreateOptions) =>
    withKeys((table, db) => create(table, db, name, options)),
  );
program
  .command('list')
  .description('list the keys, the newest first')
  .action(() => withKeys(list));
program
  .command('revoke <id>')
  .description('revoke a key, at once and for good')
  .action((id: string) => withKeys((table, db) => revoke(table, db, id)));

type KeyTable = Table<ApiKey>;

async function create(table: KeyTable, db: Statements, name: string, options: CreateOptions): Promise<void> {
  const wanted = {
    name,
    scopes: options.admin ? (['admin'] as const) : options.scopes,
    expiresAt: options.expires ?? null,
  };
  const { key, row } = newKey(wanted, new Date());
  const id = table.insert(db, row);
  await sleep(CLAIM_SEEN_WITHIN_MS);
  console.error(`Key ${id} (${name}), good for ${row.scopes}. It is shown this once:`);
  console.log(key);
}

function list(table: KeyTable, db: Statements): void {
  for (const row of table.select(db, 'ORDER BY id DESC')) {
    const state = row.revokedAt
      ? 'revoked'
      : row.expiresAt
        ? `until ${row.expiresAt.toISOString()}`
        : 'valid';
    const used = row.lastUsedAt?.toISOString() ?? 'never';
    console.log(`${row.id}\t${row.prefix}…\t${row.name}\t${row.scopes}\t${state}\tlast used ${used}`);
  }
}

function revoke(table: KeyTable, db: Statements, id: string): void {
  const row = table.find(db, 'WHERE id = ?', Number(id));
  if (row === null) return program.error(`There is no key ${id}`);
  if (row.revokedAt === null) table.update(db, row.id, { revokedAt: new Date() });
  console.log(`Key ${id} (${row.name}) is revoked`);
}

async function withKeys(work: (table: KeyTable, db: Statements) => void | Promise<void>): Promise<void> {
  const config = new AppConfig(readEnvironment());
  const dataSource = new DataSource({ ...dataSourceOptions(config), entities: [ApiKey] });
  await dataSource.initialize();
  try {
    await work(new Table(dataSource.getMetadata(ApiKey)), new Statements(writingConnection(dataSource)));
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

program
  .parseAsync()
  .catch((error: unknown) => program.error(error instanceof Error ? error.message : String(error)));
