import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Injectable, Logger } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import type { AuditedState } from '../audit/audit-log.js';
import { Clock } from '../common/clock.js';
import { ConflictError, ValidationError, NotFoundError } from '../common/errors.js';
import { Database } from '../database/database.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { fingerprintOf, isSignedBy, pemOf, readPublicKey } from './ed25519.js';
import { SigningKey } from './signing-key.entity.js';
import type { Sql } from '../database/sql.js';

/** A signature, and the fingerprint of the registered key that made it. */
export interface VerifiedSignature {
  signature: string;
  signingKeyFingerprint: string;
}

const MISSING = 'signature must be given while signing keys are registered; npm run sign -- file makes one';

/** The public keys that operators trust to sign firmware. While there is at least one, every upload needs a signature by one of them. */
@Injectable()
export class SigningKeys {
  private readonly logger = new Logger('Signing');
  private readonly table: Table<SigningKey>;

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    private readonly clock: Clock,
  ) {
    this.table = database.table(SigningKey);
  }

  /**
   * Registers a key.
   *
   * @throws ConflictError if it is registered already
   */
  register(name: string, publicKey: KeyObject): Promise<SigningKey> {
    const fingerprint = fingerprintOf(publicKey);
    return this.database.write(async (tx) => {
      const same = (await this.registered(tx.sql)).find((key) => key.fingerprint === fingerprint);
      if (same)
        throw new ConflictError(`The key ${fingerprint} is registered already: ${same.id} (${same.name})`);
      const row = {
        name,
        publicKey: pemOf(publicKey),
        fingerprint,
        createdAt: this.clock.now(),
        removedAt: null,
      };
      const id = await this.table.insert(tx.sql, row);
      await this.audit.record(tx, {
        action: 'signing_key.register',
        subject: `signing-key/${id}`,
        before: null,
        after: toState(row),
      });
      tx.afterCommit(() => this.logger.log(`Signing key ${id} (${name}) was registered: ${fingerprint}`));
      return { ...row, id };
    });
  }

  /** All keys, the newest first, including removed ones. */
  async list(): Promise<SigningKey[]> {
    return this.table.select(this.database.committed, 'ORDER BY id DESC');
  }

  /**
   * Removes a key, immediately: no upload can be signed with it any more. It may be registered again.
   *
   * @param allowUnsigned true if the last key may be removed, after which uploads need no signature
   * @throws NotFoundError if there is none
   * @throws ConflictError if it is the last one: removing a stolen key must not silently allow unsigned firmware
   */
  remove(id: number, allowUnsigned: boolean): Promise<void> {
    return this.database.write(async (tx) => {
      const row = await this.table.find(tx.sql, 'WHERE id = ?', id);
      if (row === null) throw new NotFoundError(`Signing key not found: ${id}`);
      if (row.removedAt !== null) return;
      const isLast = (await this.registered(tx.sql)).length === 1;
      if (isLast && !allowUnsigned)
        throw new ConflictError(
          `Signing key ${id} (${row.name}) is the last one, and without it firmware would need no signature any more: ` +
            'register its successor first, or say ?allow_unsigned=true',
        );
      const removedAt = this.clock.now();
      await this.table.update(tx.sql, id, { removedAt });
      await this.audit.record(tx, {
        action: 'signing_key.remove',
        subject: `signing-key/${id}`,
        before: toState(row),
        after: toState({ ...row, removedAt }),
      });
      tx.afterCommit(() => {
        this.logger.log(`Signing key ${id} (${row.name}) was removed`);
        if (isLast) this.logger.warn('No signing key is left: uploads need no signature from now on');
      });
    });
  }

  /** True while at least one key is registered. */
  async areRegistered(sql: Sql): Promise<boolean> {
    return (await sql.first('SELECT 1 FROM signing_key WHERE removed_at IS NULL LIMIT 1')) !== undefined;
  }

  /** True if a build that was signed with this key would be accepted today; null stands for an unsigned build. */
  async accepts(sql: Sql, fingerprint: string | null): Promise<boolean> {
    const keys = await this.registered(sql);
    return keys.length === 0 || keys.some((key) => key.fingerprint === fingerprint);
  }

  /**
   * Checks the signature of a file over its exact bytes, which it reads into memory. Keys may be added and removed during the check, so
   * `confirm` must be called with the result.
   *
   * @returns null if there is no signature
   * @throws ValidationError if it is not by a registered key
   */
  async verify(path: string, signature: string | null): Promise<VerifiedSignature | null> {
    if (signature === null) return null;
    const keys = await this.registered(this.database.committed);
    if (keys.length === 0)
      throw ValidationError.field(
        'signature',
        signature,
        'signature cannot be checked: no signing key is registered (POST /api/signing-keys)',
      );
    const bytes = await readFile(path);
    for (const { publicKey, fingerprint } of keys) {
      if (await isSignedBy(readPublicKey(publicKey), bytes, signature))
        return { signature, signingKeyFingerprint: fingerprint };
    }
    throw ValidationError.field(
      'signature',
      signature,
      'signature must be made over the exact bytes of the file, with a registered signing key',
    );
  }

  /**
   * Confirms the result of `verify`. Call it in the transaction that uses the result.
   *
   * @throws ValidationError if a signature is required and missing, or its key has been removed in the meantime
   */
  async confirm(tx: Transaction, verified: VerifiedSignature | null): Promise<void> {
    if (verified === null) {
      if (await this.areRegistered(tx.sql)) throw ValidationError.field('signature', undefined, MISSING);
      return;
    }
    const { signature, signingKeyFingerprint } = verified;
    if (!(await this.registered(tx.sql)).some(({ fingerprint }) => fingerprint === signingKeyFingerprint))
      throw ValidationError.field('signature', signature, 'signature is by a key that has just been removed');
  }

  private async registered(sql: Sql): Promise<SigningKey[]> {
    return this.table.select(sql, 'WHERE removed_at IS NULL ORDER BY id');
  }
}

function toState({ name, fingerprint, removedAt }: Omit<SigningKey, 'id'>): AuditedState {
  return { name, fingerprint, removed_at: removedAt };
}
