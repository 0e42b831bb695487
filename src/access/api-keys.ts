import { randomBytes, timingSafeEqual } from 'node:crypto';
import { sha256Of } from '../common/digest.js';
import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import type { AuditedChange, AuditedState } from '../audit/audit-log.js';
import { Clock } from '../common/clock.js';
import { NotFoundError } from '../common/errors.js';
import { Database } from '../database/database.js';
import { sqlInstant } from '../database/table.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { ApiKey } from './api-key.entity.js';
import { SCOPES } from '../http/scopes.js';
import type { Scope } from '../http/scopes.js';

/** Input for a new key. */
export interface NewApiKey {
  name: string;
  scopes: readonly Scope[];
  /** Null: the key does not expire. */
  expiresAt: Date | null;
}

/** Identity of a caller with a valid key. */
export interface KeyHolder {
  keyId: number;
  name: string;
  scopes: Scope[];
}

// Lets people and secret scanners recognise a leaked key.
const KEY_MARK = 'pmk_';
const KEY = /^pmk_[A-Za-z0-9_-]{43}$/;
const SHOWN = KEY_MARK.length + 6;
const USE_EVERY_MS = 60_000;

/**
 * Maximum delay until this process notices a first key that another process created, in milliseconds. The command line waits as long before
 * it prints the key, so the server is closed to others by the time somebody has it.
 */
export const CLAIM_SEEN_WITHIN_MS = 50;

/** The keys of the management: opaque, of 256 random bits, stored as a hash. */
@Injectable()
export class ApiKeys implements OnModuleDestroy {
  private readonly logger = new Logger('Keys');
  private readonly table: Table<ApiKey>;
  /** Last uses of keys that are not written yet, and the time of the last write. */
  private readonly uses = new Map<number, Date>();
  private readonly written = new Map<number, number>();
  private claimed = false;
  private askedAt = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.table = database.table(ApiKey);
  }

  /** True once a key was ever created: from then on every management request needs one, even if all have been revoked since. */
  async isClaimed(): Promise<boolean> {
    const now = performance.now();
    if (!this.claimed && now >= this.askedAt + CLAIM_SEEN_WITHIN_MS) {
      const key = await this.database.committed.first('SELECT 1 FROM api_key LIMIT 1');
      this.claimed ||= key !== undefined;
      this.askedAt = now;
    }
    return this.claimed;
  }

  /**
   * Creates a key.
   *
   * @returns the key itself, which cannot be read again, and its stored row
   */
  create(wanted: NewApiKey): Promise<{ key: string; row: ApiKey }> {
    return this.database.write((tx) => this.createIn(tx, wanted));
  }

  /** Like `create`, within a transaction. */
  async createIn(tx: Transaction, wanted: NewApiKey): Promise<{ key: string; row: ApiKey }> {
    const { key, row } = newKey(wanted, this.clock.now());
    const id = await this.table.insert(tx.sql, row);
    await this.audit.record(tx, keyMade({ ...row, id }));
    tx.afterCommit(() => {
      this.claimed = true;
      this.logger.log(`Created key ${id} (${row.name}), scopes: ${row.scopes}`);
    });
    return { key, row: { ...row, id } };
  }

  /** All keys, the newest first. */
  async list(): Promise<ApiKey[]> {
    return this.table.select(this.database.committed, 'ORDER BY id DESC');
  }

  /**
   * Revokes a key, immediately and permanently.
   *
   * @throws NotFoundError if there is none
   */
  revoke(id: number): Promise<void> {
    return this.database.write(async (tx) => {
      const row = await this.table.find(tx.sql, 'WHERE id = ?', id);
      if (row === null) throw new NotFoundError(`Key not found: ${id}`);
      if (row.revokedAt === null) {
        const revokedAt = this.clock.now();
        await this.table.update(tx.sql, id, { revokedAt });
        await this.audit.record(tx, keyRevoked(row, revokedAt));
      }
      tx.afterCommit(() => this.logger.log(`Revoked key ${id} (${row.name})`));
    });
  }

  /** The holder of a key; null if it is unknown, revoked or expired. */
  async holderOf(key: string): Promise<KeyHolder | null> {
    if (!KEY.test(key)) return null;
    const hash = sha256Of(key);
    const row = await this.table.find(this.database.committed, 'WHERE hash = ?', hash);
    if (row === null || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) return null;
    const now = this.clock.now();
    if (row.revokedAt !== null || (row.expiresAt !== null && row.expiresAt <= now)) return null;
    this.noteUse(row.id, now);
    const given = row.scopes.split(' ');
    return { keyId: row.id, name: row.name, scopes: SCOPES.filter((scope) => given.includes(scope)) };
  }

  async onModuleDestroy(): Promise<void> {
    for (const [id, at] of this.uses) await this.writeUse(id, at);
  }

  private noteUse(id: number, now: Date): void {
    const last = this.written.get(id);
    if (last !== undefined && Math.abs(now.getTime() - last) < USE_EVERY_MS) {
      this.uses.set(id, now);
      return;
    }
    this.written.set(id, now.getTime());
    void this.writeUse(id, now);
  }

  private async writeUse(id: number, at: Date): Promise<void> {
    this.uses.delete(id);
    try {
      await this.database.write((tx) =>
        tx.sql.run('UPDATE api_key SET last_used_at = ? WHERE id = ?', sqlInstant(at), id),
      );
    } catch (error) {
      this.logger.error(`The use of key ${id} could not be recorded: ${String(error)}`);
    }
  }
}

/** A new key, and its row to store. */
export function newKey(wanted: NewApiKey, now: Date): { key: string; row: Omit<ApiKey, 'id'> } {
  const key = KEY_MARK + randomBytes(32).toString('base64url');
  return {
    key,
    row: {
      name: wanted.name,
      prefix: key.slice(0, SHOWN),
      hash: sha256Of(key),
      scopes: wanted.scopes.join(' '),
      createdAt: now,
      expiresAt: wanted.expiresAt,
      lastUsedAt: null,
      revokedAt: null,
    },
  };
}

/** The audit entry for the creation of a key. */
export function keyMade(row: ApiKey): AuditedChange {
  return { action: 'key.create', subject: `key/${row.id}`, before: null, after: toState(row) };
}

/** The audit entry for the revocation of a key. */
export function keyRevoked(row: ApiKey, revokedAt: Date): AuditedChange {
  return {
    action: 'key.revoke',
    subject: `key/${row.id}`,
    before: toState(row),
    after: toState({ ...row, revokedAt }),
  };
}

function toState(row: ApiKey): AuditedState {
  return {
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.split(' '),
    expires_at: row.expiresAt,
    revoked_at: row.revokedAt,
  };
}
