import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { In } from 'typeorm';
import type { Channel } from '../common/channel.js';
import { Clock } from '../common/clock.js';
import { NotFound } from '../common/errors.js';
import { versionKey } from '../common/version.js';
import { UnitOfWork } from '../database/unit-of-work.js';
import type { Transaction } from '../database/unit-of-work.js';
import { Printer } from './printer.entity.js';

/** What a printer says of itself when it subscribes; null where it says nothing. */
export interface PrinterHello {
  /** Lower-case; so also the user ids. */
  uuid: string;
  name: string;
  userId: string | null;
  /** The UUID in the path of its connection: the owner's, or the printer's own (early firmware). */
  pathId: string;
  platform: string | null;
  /** Canonical. */
  firmwareVersion: string | null;
  autoUpdate: boolean | null;
  channel: Channel | null;
  address: string;
}

/** What updates know of the versions of a printer that is on record. */
export interface VersionSource {
  /** The version that it has reported as installed since it last subscribed; null where it has reported none. */
  reported(printer: Printer): Promise<string | null>;
  /** The rollout that brought it a version; null where none of ours did. Asked only where the version has changed. */
  rolloutOf(printer: Printer, version: string): Promise<number | null>;
}

/** Narrows a list of printers; every filter combines with every other. */
export interface PrinterFilter {
  userId?: string | undefined;
  online?: boolean | undefined;
  firmwareVersion?: string | undefined;
  channel?: Channel | undefined;
}

/** One page of printers, by number. */
export interface PrinterPage {
  printers: Printer[];
  /** All that match, on whichever page. */
  total: number;
  /** Where the next page begins; null on the last one. */
  nextCursor: number | null;
}

// What a printer runs that has never said so (printer protocol, "Subscribe").
const UNKNOWN_VERSION = '0.0.0';

/** The printers: who they are and what they run, in their own words. */
@Injectable()
export class PrinterService implements OnModuleInit {
  private readonly logger = new Logger(PrinterService.name);

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Nobody is connected to a server that starts; one that was killed could not say so. */
  async onModuleInit(): Promise<void> {
    await this.unitOfWork.run((tx) => tx.em.update(Printer, { online: true }, { online: false }));
  }

  /**
   * Registers a printer, or brings what is on record up to date.
   *
   * @returns the printer before (null where it is new) and after
   */
  async register(
    tx: Transaction,
    hello: PrinterHello,
    versions: VersionSource,
  ): Promise<{ before: Printer | null; printer: Printer }> {
    const before = await tx.em.findOneBy(Printer, { uuid: hello.uuid });
    const now = this.clock.now();
    const firmwareVersion =
      hello.firmwareVersion ??
      (before && ((await versions.reported(before)) ?? before.firmwareVersion)) ??
      UNKNOWN_VERSION;
    const columns = {
      name: hello.name,
      userId: hello.userId ?? ownerFromPath(hello, before),
      platform: hello.platform ?? before?.platform ?? null,
      firmwareVersion,
      versionKey: versionKey(firmwareVersion),
      versionRolloutId: await versionRollout(before, firmwareVersion, versions),
      autoUpdate: hello.autoUpdate ?? before?.autoUpdate ?? true,
      updateChannel: hello.channel ?? before?.updateChannel ?? 'stable',
      online: true,
      lastConnected: now,
      lastIp: hello.address,
    };
    if (before) {
      await tx.em.update(Printer, { id: before.id }, columns);
      return { before, printer: { ...before, ...columns } };
    }
    const row = { ...columns, uuid: hello.uuid, createdAt: now };
    const id = await tx.insert(Printer, row);
    tx.afterCommit(() =>
      this.logger.log(`Registered printer ${id} (${hello.uuid}), version ${firmwareVersion}`),
    );
    return { before: null, printer: { ...row, id } };
  }

  /** Records that a printer's connection has ended. */
  async disconnected(uuid: string): Promise<void> {
    await this.unitOfWork.run((tx) => tx.em.update(Printer, { uuid }, { online: false }));
  }

  /** Records that a printer has switched its auto_update. */
  async setAutoUpdate(tx: Transaction, id: number, autoUpdate: boolean): Promise<void> {
    await tx.em.update(Printer, { id }, { autoUpdate });
  }

  /** One printer, by its number or its UUID. */
  async get(idOrUuid: number | string): Promise<Printer> {
    return this.unitOfWork.run((tx) => this.find(tx, idOrUuid));
  }

  /** As `get`, within a transaction. */
  async find(tx: Transaction, idOrUuid: number | string): Promise<Printer> {
    const where = typeof idOrUuid === 'number' ? { id: idOrUuid } : { uuid: idOrUuid };
    const printer = await tx.em.findOneBy(Printer, where);
    if (!printer) throw new NotFound(`Printer not found: ${idOrUuid}`);
    return printer;
  }

  /** The printers with these UUIDs; those that do not exist are left out. */
  async findMany(tx: Transaction, uuids: readonly string[]): Promise<Printer[]> {
    return tx.em.findBy(Printer, { uuid: In([...uuids]) });
  }

  /** One page of the printers that match, by number. */
  async list(filter: PrinterFilter, limit: number, after: number): Promise<PrinterPage> {
    return this.unitOfWork.run(async (tx) => {
      const matching = tx.em.createQueryBuilder(Printer, 'p').where('1 = 1');
      if (filter.userId !== undefined) matching.andWhere('p.userId = :userId', filter);
      if (filter.online !== undefined) matching.andWhere('p.online = :online', filter);
      if (filter.firmwareVersion !== undefined) {
        matching.andWhere('p.versionKey = :key', { key: versionKey(filter.firmwareVersion) });
      }
      if (filter.channel !== undefined) matching.andWhere('p.updateChannel = :channel', filter);
      const total = await matching.getCount();
      const rows = await matching
        .andWhere('p.id > :after', { after })
        .orderBy('p.id')
        .limit(limit + 1)
        .getMany();
      const printers = rows.slice(0, limit);
      return { printers, total, nextCursor: rows.length > limit ? (printers.at(-1)?.id ?? null) : null };
    });
  }
}

/** Early firmware puts the printer's own UUID into the path: then what is on record names the owner, if anything does. */
function ownerFromPath(hello: PrinterHello, before: Printer | null): string {
  return hello.pathId === hello.uuid ? (before?.userId ?? hello.pathId) : hello.pathId;
}

async function versionRollout(
  before: Printer | null,
  version: string,
  versions: VersionSource,
): Promise<number | null> {
  if (before === null) return null;
  return before.firmwareVersion === version ? before.versionRolloutId : versions.rolloutOf(before, version);
}
