import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { Throttle } from '../../common/limits/throttle.js';
import { Database } from '../../database/database.js';
import { IN_TEXTS, jsonList } from '../../database/sql.js';
import type { Sql } from '../../database/sql.js';
import type { Table } from '../../database/table.js';
import type { Transaction } from '../../database/transaction.js';
import { addressGroup } from '../../http/address.js';
import { PrinterAuthenticator } from '../printer-authenticator.js';
import type { SubscribeRequest } from '../subscribe-request.js';
import type { RegistrationRequest } from './admission.js';
import { Registration } from './registration.entity.js';

// Maximum requests: enough for a real fleet, but invented printers cannot fill the disk.
const MAX_PENDING = 10_000;
/** Maximum requests of one address, so that none takes all the room. */
const MAX_PENDING_PER_ADDRESS = 1_000;

const COUNT = `SELECT count(*) FROM registration WHERE status = 'pending'`;
const COUNT_BY_ADDRESS = `SELECT address_group, count(*) FROM registration
  WHERE status = 'pending' AND address_group ${IN_TEXTS} GROUP BY address_group`;
const OLDEST = `SELECT id FROM registration WHERE status = 'pending' ORDER BY id LIMIT ?`;
const OLDEST_OF_ADDRESS = `SELECT id FROM registration WHERE status = 'pending' AND address_group = ? ORDER BY id LIMIT ?`;

/** Stores the requests of printers to be registered, on which an operator decides (`REGISTRATION=approve`). */
@Injectable()
export class RegistrationRequests {
  private readonly logger = new Logger('Registration');
  private readonly table: Table<Registration>;
  private readonly warnings = { all: new Throttle(), address: new Throttle() };

  constructor(
    database: Database,
    private readonly authenticator: PrinterAuthenticator,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Registration);
  }

  /** The requests of printers, by UUID. */
  async find(sql: Sql, uuids: Iterable<string>): Promise<ReadonlyMap<string, RegistrationRequest>> {
    const rows = await this.table.select(sql, `WHERE uuid ${IN_TEXTS}`, jsonList(uuids));
    return new Map(rows.map((row) => [row.uuid, row]));
  }

  /**
   * Stores new requests, and removes those of printers that have been registered. If there is no room, the oldest requests are deleted: a
   * printer that is still there asks again.
   */
  async save(
    tx: Transaction,
    added: Iterable<SubscribeRequest>,
    registered: Iterable<string>,
  ): Promise<void> {
    const uuids = jsonList(registered);
    if (uuids !== '[]') await tx.sql.run(`DELETE FROM registration WHERE uuid ${IN_TEXTS}`, uuids);
    const requests = [...added];
    if (requests.length === 0) return;
    await this.table.insertAll(
      tx.sql,
      requests.map((request) => this.rowOf(request)),
    );
    await this.makeRoom(tx.sql, requests);
    tx.afterCommit(() => {
      for (const { uuid, address } of requests)
        this.logger.log(`Printer ${uuid} at ${address} asks to be registered`);
    });
  }

  private rowOf({
    uuid,
    name,
    platform,
    keyHash,
    address,
    userId,
    pathId,
  }: SubscribeRequest): Omit<Registration, 'id'> {
    return {
      uuid,
      status: 'pending',
      name,
      userId: userId ?? pathId,
      platform,
      keyHash,
      address,
      addressGroup: addressGroup(address),
      requestedAt: this.clock.now(),
    };
  }

  private async makeRoom(sql: Sql, requests: readonly SubscribeRequest[]): Promise<void> {
    const limited = requests.filter(({ address }) => !this.authenticator.isUnlimited(address));
    const groups = new Set(limited.map(({ address }) => addressGroup(address)));
    for (const [group, pending] of await sql.values(COUNT_BY_ADDRESS, jsonList(groups))) {
      const over = Number(pending) - MAX_PENDING_PER_ADDRESS;
      if (over <= 0) continue;
      await sql.run(`DELETE FROM registration WHERE id IN (${OLDEST_OF_ADDRESS})`, String(group), over);
      const warning = `${MAX_PENDING_PER_ADDRESS} printers at ${group} await approval; the oldest requests are deleted`;
      this.warnings.address.run(() => this.logger.warn(warning));
    }
    const [[pending] = []] = await sql.values(COUNT);
    const over = Number(pending) - MAX_PENDING;
    if (over <= 0) return;
    await sql.run(`DELETE FROM registration WHERE id IN (${OLDEST})`, over);
    const warning = `${MAX_PENDING} printers await approval; the oldest requests are deleted`;
    this.warnings.all.run(() => this.logger.warn(warning));
  }
}
