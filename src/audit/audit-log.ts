import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/actor.js';
import { Clock } from '../common/clock.js';
import { Database } from '../database/database.js';
import { both, newestFirst } from '../database/page.js';
import type { Condition, Page } from '../database/page.js';
import { sqlInstant } from '../database/table.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { AuditEntry } from './audit-entry.entity.js';
import type { SqlValue } from '../database/sql.js';

/** The audited actions, as `subject.verb`. */
export const ACTIONS = [
  'firmware.upload',
  'firmware.change',
  'firmware.delete',
  'firmware.promote',
  'firmware.rollback',
  'firmware.mend',
  'rollout.create',
  'rollout.change',
  'rollout.activate',
  'rollout.retry',
  'rollout.delete',
  'update.abort',
  'update.retry',
  'printer.change',
  'printer.delete',
  'registration.change',
  'registration.delete',
  'key.create',
  'key.revoke',
  'signing_key.register',
  'signing_key.remove',
] as const;
export type Action = (typeof ACTIONS)[number];

/** A state as shown in the log: fields named as in the API, without secrets. */
export type AuditedState = Readonly<Record<string, unknown>>;

/** One change to record in the log. */
export interface AuditedChange {
  action: Action;
  /** The changed object, e.g. `rollout/3`. */
  subject: string;
  /** Null if the object was created. */
  before: AuditedState | null;
  /** Null if the object was deleted. */
  after: AuditedState | null;
}

/** Filters the log; an undefined field does not filter. */
export interface AuditFilter {
  action: Action | undefined;
  subject: string | undefined;
  keyId: number | undefined;
  since: Date | undefined;
  until: Date | undefined;
}

/** Who did what, when, from where: written in the transaction of the change itself, so that neither exists without the other. */
@Injectable()
export class AuditLog {
  private readonly table: Table<AuditEntry>;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {
    this.table = database.table(AuditEntry);
  }

  /** Records a change for the actor of the transaction; records nothing if before and after are equal. */
  async record(tx: Transaction, change: AuditedChange): Promise<void> {
    const row = toAuditEntry(change, tx.actor, this.clock.now());
    if (row !== null) await this.table.insert(tx.sql, row);
  }

  /** One page, the newest entry first. */
  page(filter: AuditFilter, limit: number, before: number | undefined): Promise<Page<AuditEntry>> {
    const filters: Array<[sql: string, value: SqlValue | undefined]> = [
      ['action = ?', filter.action],
      ['subject = ?', filter.subject],
      ['key_id = ?', filter.keyId],
      ['at >= ?', filter.since && sqlInstant(filter.since)],
      ['at < ?', filter.until && sqlInstant(filter.until)],
    ];
    const condition = filters.reduce<Condition | null>(
      (all, [sql, value]) => (value === undefined ? all : both(all, { sql, values: [value] })),
      null,
    );
    return newestFirst(this.table, this.database.committed, condition, limit, before);
  }
}

/** The row of a change; null if nothing has changed. It contains only the fields that differ. */
export function toAuditEntry(change: AuditedChange, actor: Actor, at: Date): Omit<AuditEntry, 'id'> | null {
  const { before, after } = difference(change.before, change.after);
  if (before !== null && after !== null && Object.keys(after).length === 0) return null;
  return {
    at,
    actorKind: actor.kind,
    keyId: actor.keyId,
    keyName: actor.name,
    address: actor.address,
    action: change.action,
    subject: change.subject,
    before: before && JSON.stringify(before, shortenLists),
    after: after && JSON.stringify(after, shortenLists),
  };
}

function difference(
  before: AuditedState | null,
  after: AuditedState | null,
): { before: AuditedState | null; after: AuditedState | null } {
  if (before === null || after === null) return { before, after };
  const changed = Object.keys({ ...before, ...after }).filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  const pick = (state: AuditedState): AuditedState =>
    Object.fromEntries(changed.map((field) => [field, state[field] ?? null]));
  return { before: pick(before), after: pick(after) };
}

// Maximum logged elements of a list. The target of a rollout may name ten thousand printers; its row has them all.
const LONGEST_LIST = 100;

function shortenLists(_field: string, value: unknown): unknown {
  if (!Array.isArray(value) || value.length <= LONGEST_LIST) return value;
  return [...(value as unknown[]).slice(0, LONGEST_LIST), `and ${value.length - LONGEST_LIST} more`];
}
