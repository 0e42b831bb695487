import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { AddressList, addressGroup } from '../http/address.js';
import { PrinterRefusedError } from '../common/errors.js';
import { MinuteQuota } from '../common/minute-quota.js';
import { Throttle } from '../common/throttle.js';
import { AppConfig } from '../config/config.js';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';

/** What a printer shows of itself to be let in. */
export interface Credentials {
  /** Lower-case. */
  uuid: string;
  /** SHA-256 of its secret (`keyHashOf`); null where it shows none. */
  keyHash: string | null;
}

const ASKED = 'SELECT status, key_hash FROM registration WHERE uuid = ?';
const KNOWN = 'SELECT key_hash, blocked FROM printer WHERE uuid = ?';

/** Decides which printers may speak (docs/SECURITY.md): each for itself alone, and none that an operator has shut out. */
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
   * Lets a printer in, by what is on record.
   *
   * @param db absent: what is committed
   * @throws PrinterRefusedError with the code that the printer is told
   */
  check({ uuid, keyHash }: Credentials, db: Statements = this.database.reader): void {
    const known = db.get(KNOWN, uuid);
    if (known === undefined) this.checkNew(uuid, keyHash, db);
    if (known?.blocked === 1)
      throw new PrinterRefusedError('blocked', 'an operator has blocked this printer');
    if (known !== undefined && typeof known.key_hash === 'string') {
      this.checkKey(known.key_hash, keyHash);
    } else if (keyHash === null && this.config.requirePrinterKey) {
      throw new PrinterRefusedError(
        'unauthorized',
        'this server asks every printer for an api_key beside its printer_id',
      );
    }
  }

  /**
   * Counts a printer that is about to be registered, or to ask for it.
   *
   * @throws PrinterRefusedError if its address has had too many in this minute
   */
  admitNew(address: string): void {
    if (this.isUnlimited(address) || this.quota.take(addressGroup(address))) return;
    const { limit } = this.quota;
    this.warnings.run(() =>
      this.logger.warn(
        `${address} registers more than ${limit} new printers a minute: others have to wait (MAX_NEW_PRINTERS_PER_MINUTE)`,
      ),
    );
    const problem = `this server takes ${limit} new printers a minute from one address; try again later`;
    throw new PrinterRefusedError('registration_limited', problem);
  }

  /** True for an address that is not limited (UNLIMITED_ADDRESSES). */
  isUnlimited(address: string): boolean {
    return this.unlimited.has(address);
  }

  private checkNew(uuid: string, keyHash: string | null, db: Statements): void {
    if (this.config.registration === 'open') return;
    if (this.config.registration === 'closed')
      throw new PrinterRefusedError('registration_closed', 'this server takes no new printers');
    const asked = db.get(ASKED, uuid);
    if (asked?.status === 'rejected')
      throw new PrinterRefusedError('registration_closed', 'an operator has rejected this printer');
    if (typeof asked?.key_hash === 'string') this.checkKey(asked.key_hash, keyHash);
    if (asked?.status !== 'accepted')
      throw new PrinterRefusedError('approval_pending', 'an operator has not accepted this printer yet');
  }

  private checkKey(known: string, shown: string | null): void {
    if (shown !== null && timingSafeEqual(Buffer.from(known), Buffer.from(shown))) return;
    throw new PrinterRefusedError(
      'unauthorized',
      'this printer is known with another api_key; an operator can reset it',
    );
  }
}

/** What is kept of a printer's secret. */
export function keyHashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
