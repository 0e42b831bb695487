import { Injectable, Logger } from '@nestjs/common';
import { AddressList, addressGroup } from '../http/address.js';
import { PrinterRefusedError } from '../common/errors.js';
import { MinuteQuota } from '../common/limits/minute-quota.js';
import { Throttle } from '../common/limits/throttle.js';
import { AppConfig } from '../config/config.js';
import { Database } from '../database/database.js';
import { admissionRefusal } from './registration/admission.js';
import type { RegistrationRequest } from './registration/admission.js';
import type { RegistrationStatus } from './registration/registration.entity.js';
import type { SubscribeRequest } from './subscribe-request.js';
import type { SqlValue } from '../database/sql.js';

const REQUESTED = 'SELECT status, key_hash FROM registration WHERE uuid = ?';
const REGISTERED = 'SELECT key_hash, blocked FROM printer WHERE uuid = ?';

/** Checks printers before they are queued: committed data is enough to refuse most of those that may not connect. */
@Injectable()
export class PrinterAuthenticator {
  private readonly logger = new Logger('Registration');
  private readonly unlimited: AddressList;
  private readonly quota: MinuteQuota;
  private readonly warnings = new Throttle();

  constructor(
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {
    this.unlimited = new AddressList(config.unlimitedAddresses);
    this.quota = new MinuteQuota(config.maxNewPrintersPerMinute);
  }

  /**
   * Checks a printer against committed data.
   *
   * @param credentials its UUID, lower-case, and the SHA-256 of its secret (null for none)
   * @returns null if it may connect
   */
  async refusal({
    uuid,
    keyHash,
  }: Pick<SubscribeRequest, 'uuid' | 'keyHash'>): Promise<PrinterRefusedError | null> {
    const printer = await this.database.committed.first(REGISTERED, uuid);
    const registered = printer && { keyHash: textOf(printer.key_hash), blocked: printer.blocked === 1 };
    return admissionRefusal(
      keyHash,
      registered ?? null,
      registered ? null : await this.requestOf(uuid),
      this.config,
    );
  }

  /** True if a printer has asked to be registered and awaits approval. */
  async hasAsked(uuid: string): Promise<boolean> {
    return (await this.requestOf(uuid)) !== null;
  }

  /**
   * Counts a printer that is about to be registered, or is about to ask.
   *
   * @returns the refusal if its address has had too many this minute; null otherwise
   */
  countNew(address: string): PrinterRefusedError | null {
    if (this.isUnlimited(address) || this.quota.take(addressGroup(address))) return null;
    const { limit } = this.quota;
    this.warnings.run(() =>
      this.logger.warn(
        `${address} registers more than ${limit} new printers a minute; the rest must try again later (MAX_NEW_PRINTERS_PER_MINUTE)`,
      ),
    );
    const problem = `this server takes ${limit} new printers a minute from one address; try again later`;
    return new PrinterRefusedError('registration_limited', problem);
  }

  /** Takes back what `countNew` has counted: the printer was not recorded. */
  uncountNew(address: string): void {
    if (!this.isUnlimited(address)) this.quota.giveBack(addressGroup(address));
  }

  /** True for an address that is not limited (UNLIMITED_ADDRESSES). */
  isUnlimited(address: string): boolean {
    return this.unlimited.has(address);
  }

  private async requestOf(uuid: string): Promise<RegistrationRequest | null> {
    if (this.config.registration === 'open') return null;
    const row = await this.database.committed.first(REQUESTED, uuid);
    return row === undefined
      ? null
      : { status: row.status as RegistrationStatus, keyHash: textOf(row.key_hash) };
  }
}

function textOf(value: SqlValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
