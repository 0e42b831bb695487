import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Refused } from '../common/errors.js';
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
export class PrinterGate {
  constructor(
    private readonly database: Database,
    private readonly config: AppConfig,
  ) {}

  /**
   * Lets a printer in, by what is on record.
   *
   * @param db absent: what is committed
   * @throws Refused with the code that the printer is told
   */
  check({ uuid, keyHash }: Credentials, db: Statements = this.database.reader): void {
    const known = db.get(KNOWN, uuid);
    if (known === undefined) this.checkNew(uuid, keyHash, db);
    if (known?.blocked === 1) throw new Refused('blocked', 'an operator has blocked this printer');
    if (known !== undefined && typeof known.key_hash === 'string') {
      this.checkKey(known.key_hash, keyHash);
    } else if (keyHash === null && this.config.requirePrinterKey) {
      throw new Refused(
        'unauthorized',
        'this server asks every printer for an api_key beside its printer_id',
      );
    }
  }

  private checkNew(uuid: string, keyHash: string | null, db: Statements): void {
    if (this.config.registration === 'open') return;
    if (this.config.registration === 'closed')
      throw new Refused('registration_closed', 'this server takes no new printers');
    const asked = db.get(ASKED, uuid);
    if (asked?.status === 'rejected')
      throw new Refused('registration_closed', 'an operator has rejected this printer');
    if (typeof asked?.key_hash === 'string') this.checkKey(asked.key_hash, keyHash);
    if (asked?.status !== 'accepted')
      throw new Refused('approval_pending', 'an operator has not accepted this printer yet');
  }

  private checkKey(known: string, shown: string | null): void {
    if (shown !== null && timingSafeEqual(Buffer.from(known), Buffer.from(shown))) return;
    throw new Refused('unauthorized', 'this printer is known with another api_key; an operator can reset it');
  }
}

/** What is kept of a printer's secret. */
export function keyHashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
