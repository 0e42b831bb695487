import { Injectable, Logger } from '@nestjs/common';
import { bucketOf } from '../common/bucket.js';
import { Clock } from '../common/clock.js';
import { NotFoundError } from '../common/errors.js';
import { UNKNOWN_VERSION_KEY, versionKey } from '../common/version.js';
import { AppConfig } from '../config/config.js';
import { Database } from '../database/database.js';
import type { Statements } from '../database/statements.js';
import type { Table } from '../database/table.js';
import type { Transaction } from '../database/transaction.js';
import { PrinterCounts } from './printer-counts.js';
import { ProblemCounts } from './problem-counts.js';
import { PrinterAuthenticator } from './printer-authenticator.js';
import { mergeProblems } from './printer-problems.js';
import { Printer } from './printer.entity.js';
import type { SubscribeRequest } from './subscribe-request.js';
import { Registrations } from './registration/registrations.js';

/** What updates know of the versions of a printer that is on record. */
export interface VersionSource {
  /** The version that it has reported as installed since it last subscribed; null where it has reported none. */
  reported(tx: Transaction, printer: Printer): string | null;
  /** The rollout that brought it a version; null where none of ours did. Asked only where the version has changed. */
  rolloutOf(tx: Transaction, printer: Printer, version: string): number | null;
  /** `movedBack` of a printer that comes with an older version than is on record. */
  movedBackTo(tx: Transaction, printer: Printer, version: string): string | null;
}

/** What decisions look at. */
export const TARGET_PROPERTIES = [
  'id',
  'uuid',
  'userId',
  'platform',
  'firmwareVersion',
  'versionKey',
  'versionRolloutId',
  'previousVersion',
  'movedBack',
  'bucket',
  'autoUpdate',
  'updateChannel',
  'blocked',
] as const satisfies Array<keyof Printer>;

/** What of a printer decides on its updates. */
export type TargetPrinter = Pick<Printer, (typeof TARGET_PROPERTIES)[number]>;

// What a printer runs that has never said so (printer protocol, "Subscribe").
const NEVER_REPORTED = '0.0.0';

/** The printers: who they are and what they run, in their own words. */
@Injectable()
export class PrinterService {
  private readonly logger = new Logger(PrinterService.name);
  private readonly table: Table<Printer>;
  private readonly targets: Table<TargetPrinter>;

  constructor(
    private readonly database: Database,
    private readonly printerCounts: PrinterCounts,
    private readonly problemCounts: ProblemCounts,
    private readonly authenticator: PrinterAuthenticator,
    private readonly registrations: Registrations,
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {
    this.table = database.table(Printer);
    this.targets = database.view(Printer, TARGET_PROPERTIES);
  }

  /**
   * Registers a printer, or brings what is on record up to date.
   *
   * @returns the printer before (null where it is new) and after
   * @throws PrinterRefusedError if it may not speak
   */
  register(
    tx: Transaction,
    hello: SubscribeRequest,
    versions: VersionSource,
  ): { before: Printer | null; printer: Printer } {
    this.authenticator.check(hello, tx.db);
    const before = this.table.find(tx.db, 'WHERE uuid = ?', hello.uuid);
    const now = this.clock.now();
    if (before === null) return { before, printer: this.add(tx, hello, now) };
    const version = versionOf(hello, versions.reported(tx, before) ?? before.firmwareVersion, before);
    const { firmwareVersion } = version;
    const sameVersion = firmwareVersion === before.firmwareVersion;
    const problems = mergeProblems(before.problems, hello.problems, now);
    const key = sameVersion ? before.versionKey : keyOf(firmwareVersion);
    const printer: Printer = {
      ...before,
      ...version,
      name: hello.name,
      keyHash: before.keyHash ?? hello.keyHash,
      userId: hello.userId ?? ownerFromPath(hello, before),
      platform: hello.platform ?? before.platform,
      versionKey: key,
      previousVersion: sameVersion
        ? before.previousVersion
        : (before.firmwareVersion ?? before.previousVersion),
      movedBack:
        firmwareVersion !== null && key < before.versionKey
          ? versions.movedBackTo(tx, before, firmwareVersion)
          : before.movedBack,
      versionRolloutId: sameVersion
        ? before.versionRolloutId
        : firmwareVersion === null
          ? null
          : versions.rolloutOf(tx, before, firmwareVersion),
      autoUpdate: hello.autoUpdate ?? before.autoUpdate,
      updateChannel: hello.channel ?? before.updateChannel,
      lastConnected: now,
      lastIp: hello.address,
      problems,
      hasProblems: problems !== null,
    };
    // What has not changed is not written: an index costs more than the row.
    this.table.update(tx.db, before.id, changesOf(before, printer));
    this.printerCounts.move(tx.db, before, printer);
    this.problemCounts.move(tx.db, before.problems, problems);
    return { before, printer };
  }

  /** Records that a printer has switched its auto_update. */
  setAutoUpdate(tx: Transaction, id: number, autoUpdate: boolean): void {
    this.table.update(tx.db, id, { autoUpdate });
  }

  /**
   * One printer, by its number or its UUID, as it is on record now.
   *
   * @throws NotFoundError if there is none
   */
  get(idOrUuid: number | string): Printer {
    return this.find(this.database.reader, idOrUuid);
  }

  /** The printer with this number, as a target. */
  byId(db: Statements, id: number): TargetPrinter | null {
    return this.targets.find(db, 'WHERE id = ?', id);
  }

  /** The printers with these numbers, as targets; those that do not exist are left out. */
  byIds(db: Statements, ids: readonly number[]): TargetPrinter[] {
    return this.targets.select(db, 'WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
  }

  /** The printers with these UUIDs, as targets; those that do not exist are left out. */
  byUuids(db: Statements, uuids: readonly string[]): TargetPrinter[] {
    return this.targets.select(db, 'WHERE uuid IN (SELECT value FROM json_each(?))', JSON.stringify(uuids));
  }

  /**
   * The number of the printer with this UUID.
   *
   * @throws NotFoundError if there is none
   */
  idOf(db: Statements, uuid: string): number {
    const row = db.get('SELECT id FROM printer WHERE uuid = ?', uuid);
    if (row === undefined) throw new NotFoundError(`Printer not found: ${uuid}`);
    return Number(row.id);
  }

  /** All printers, in slices by number. */
  *all(db: Statements, slice: number): Generator<TargetPrinter[]> {
    for (let after = 0; ;) {
      const printers = this.targets.select(db, 'WHERE id > ? ORDER BY id LIMIT ?', after, slice);
      yield printers;
      if (printers.length < slice) return;
      after = printers.at(-1)?.id ?? after;
    }
  }

  /** All printers of one owner, in slices by number. */
  *ofUser(db: Statements, userId: string, slice: number): Generator<TargetPrinter[]> {
    let after = 0;
    for (;;) {
      const printers = this.targets.select(
        db,
        'WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?',
        userId,
        after,
        slice,
      );
      yield printers;
      if (printers.length < slice) return;
      after = printers.at(-1)?.id ?? after;
    }
  }

  /**
   * One printer, by its number or its UUID, as a connection sees it.
   *
   * @throws NotFoundError if there is none
   */
  find(db: Statements, key: number | string): Printer {
    const condition = typeof key === 'number' ? 'WHERE id = ?' : 'WHERE uuid = ?';
    const printer = this.table.find(db, condition, key);
    if (!printer) throw new NotFoundError(`Printer not found: ${key}`);
    return printer;
  }

  private add(tx: Transaction, hello: SubscribeRequest, now: Date): Printer {
    this.authenticator.admitNew(hello.address);
    const version = versionOf(hello, NEVER_REPORTED, null);
    const problems = mergeProblems(null, hello.problems, now);
    const row: Omit<Printer, 'id'> = {
      uuid: hello.uuid,
      name: hello.name,
      keyHash: hello.keyHash,
      blocked: false,
      userId: hello.userId ?? hello.pathId,
      platform: hello.platform,
      ...version,
      versionKey: keyOf(version.firmwareVersion),
      versionRolloutId: null,
      previousVersion: null,
      movedBack: null,
      bucket: bucketOf(hello.uuid),
      autoUpdate: hello.autoUpdate ?? true,
      updateChannel: hello.channel ?? 'stable',
      lastConnected: now,
      lastIp: hello.address,
      createdAt: now,
      problems,
      hasProblems: problems !== null,
    };
    const id = this.table.insert(tx.db, row);
    const printer = { ...row, id };
    this.printerCounts.move(tx.db, null, printer);
    this.problemCounts.move(tx.db, null, problems);
    if (this.config.registration === 'approve') this.registrations.done(tx, hello.uuid);
    tx.afterCommit(() =>
      this.logger.debug(
        `Registered printer ${id} (${hello.uuid}), version ${version.firmwareVersion ?? 'unknown'}`,
      ),
    );
    return printer;
  }
}

/** What a printer runs by its own words; `onRecord` if it says nothing. */
function versionOf(
  hello: SubscribeRequest,
  onRecord: string | null,
  before: Printer | null,
): Pick<Printer, 'firmwareVersion' | 'reportedVersion'> {
  if (hello.unreadableVersion !== null)
    return { firmwareVersion: null, reportedVersion: hello.unreadableVersion };
  const firmwareVersion = hello.firmwareVersion ?? onRecord;
  return {
    firmwareVersion,
    reportedVersion: firmwareVersion === null ? (before?.reportedVersion ?? null) : null,
  };
}

function keyOf(version: string | null): string {
  return version === null ? UNKNOWN_VERSION_KEY : versionKey(version);
}

/** Early firmware puts the printer's own UUID into the path: then what is on record names the owner. */
function ownerFromPath(hello: SubscribeRequest, before: Printer): string {
  return hello.pathId === hello.uuid ? before.userId : hello.pathId;
}

function changesOf(before: Printer, after: Printer): Partial<Printer> {
  return Object.fromEntries(
    Object.entries(after).filter(([property, value]) => before[property as keyof Printer] !== value),
  );
}
