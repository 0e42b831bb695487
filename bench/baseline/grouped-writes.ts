import Database from 'better-sqlite3';

/** What is written of a printer. */
export interface PrinterRow {
  uuid: string;
  name: string;
  userId: string;
  platform: string;
  version: string;
  autoUpdate: number;
  channel: string;
  address: string;
}

/** A printer that subscribes, as the baseline sees it. */
export interface Arrival {
  row: PrinterRow;
  /** True if its update row is to be written, too. */
  offer: boolean;
  committed: () => void;
}

// Milliseconds in which jobs are collected into one commit.
const GROUP_MS = 5;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS printer (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uuid VARCHAR NOT NULL UNIQUE, name VARCHAR NOT NULL, user_id VARCHAR NOT NULL,
    platform VARCHAR, firmware_version VARCHAR NOT NULL, auto_update BOOLEAN NOT NULL, update_channel VARCHAR NOT NULL,
    last_connected DATETIME NOT NULL, last_ip VARCHAR, created_at DATETIME NOT NULL);
  CREATE TABLE IF NOT EXISTS printer_update (
    id INTEGER PRIMARY KEY AUTOINCREMENT, rollout_id INTEGER NOT NULL, printer_id INTEGER NOT NULL,
    firmware_version VARCHAR NOT NULL, status VARCHAR NOT NULL, started_at DATETIME NOT NULL);`;

const UPSERT = `
  INSERT INTO printer (uuid, name, user_id, platform, firmware_version, auto_update, update_channel, last_connected,
    last_ip, created_at)
  VALUES (@uuid, @name, @userId, @platform, @version, @autoUpdate, @channel, @now, @address, @now)
  ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, user_id = excluded.user_id, platform = excluded.platform,
    firmware_version = excluded.firmware_version, auto_update = excluded.auto_update,
    update_channel = excluded.update_channel, last_connected = excluded.last_connected, last_ip = excluded.last_ip`;

const INSERT_UPDATE = `
  INSERT INTO printer_update (rollout_id, printer_id, firmware_version, status, started_at)
  SELECT 1, id, '2.0.0', 'in_progress', @now FROM printer WHERE uuid = @uuid`;

/** The least that durable registration costs: prepared statements in groups, and the answer after the commit. */
export class GroupedWrites {
  private readonly database: Database.Database;
  private readonly upsert: Database.Statement;
  private readonly insertUpdate: Database.Statement;
  private waiting: Arrival[] = [];

  constructor(file: string) {
    this.database = new Database(file);
    // As the server has it: durable at every commit.
    this.database.pragma('journal_mode = WAL');
    this.database.pragma('synchronous = FULL');
    this.database.exec(SCHEMA);
    this.upsert = this.database.prepare(UPSERT);
    this.insertUpdate = this.database.prepare(INSERT_UPDATE);
  }

  /** Takes an arrival into the group that is committed next. */
  add(arrival: Arrival): void {
    this.waiting.push(arrival);
    if (this.waiting.length === 1) setTimeout(() => this.commit(), GROUP_MS);
  }

  /** Writes the update rows of these printers in one transaction. */
  insertUpdates(uuids: readonly string[]): void {
    const now = instant();
    this.database.transaction(() => {
      for (const uuid of uuids) this.insertUpdate.run({ uuid, now });
    })();
  }

  private commit(): void {
    const group = this.waiting;
    this.waiting = [];
    const now = instant();
    this.database.transaction(() => {
      for (const { row, offer } of group) {
        this.upsert.run({ ...row, now });
        if (offer) this.insertUpdate.run({ uuid: row.uuid, now });
      }
    })();
    for (const { committed } of group) committed();
  }
}

function instant(): string {
  return new Date().toISOString().replace('T', ' ').slice(0, 23);
}
