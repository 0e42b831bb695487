import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Channel } from '../common/channel.js';
import { ConflictError } from '../common/errors.js';
import { Fleet } from '../simulator/fleet.js';
import type { VirtualPrinter } from '../simulator/virtual-printer.js';

/** Maximum number of virtual printers. */
export const MAX_PRINTERS = 500;

/** The printers to add. Shares are fractions of them, from 0 to 1. */
export interface NewPrinters {
  printers: number;
  /** The version that they run at the start. */
  version: string;
  channel: Channel;
  failing: number;
  declining: number;
  hanging: number;
  rollingBack: number;
}

const OWNERS = 5;
const PLATFORMS = ['esp8266', 'esp32'];
// Milliseconds per download step: slow enough to watch an update.
const STEP_MS = 1_000;
const REBOOT_MS = 2_000;
// Addresses that mean "all" when listening, mapped to ones that printers can connect to.
const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Virtual printers inside the server. They connect through its own port like real boards, so the server treats them alike. */
@Injectable()
export class SimulatedFleet implements OnModuleDestroy {
  private fleets: Fleet[] = [];
  private added = 0;

  constructor(private readonly host: HttpAdapterHost) {}

  /** All virtual printers. */
  get printers(): VirtualPrinter[] {
    return this.fleets.flatMap((fleet) => fleet.printers);
  }

  /**
   * Adds printers, which start to connect.
   *
   * @throws ConflictError if there would be too many
   */
  add(wanted: NewPrinters): void {
    const there = this.printers.length;
    if (there + wanted.printers > MAX_PRINTERS)
      throw new ConflictError(
        `There are ${there} of at most ${MAX_PRINTERS} virtual printers: add ${MAX_PRINTERS - there} at most, or ` +
          'remove the existing ones (DELETE /api/simulator)',
      );
    const { version, channel, ...others } = wanted;
    const fleet = new Fleet({
      ...others,
      server: this.address(),
      users: OWNERS,
      seed: randomUUID(),
      versions: [version],
      channels: { [channel]: 1 },
      platforms: PLATFORMS,
      rebootMs: REBOOT_MS,
      stepMs: STEP_MS,
      withKeys: true,
      firstNumber: this.added + 1,
    });
    this.added += wanted.printers;
    this.fleets.push(fleet);
    void fleet.start();
  }

  /** Disconnects them all; their records on the server stay. */
  async removeAll(): Promise<void> {
    const fleets = this.fleets;
    this.fleets = [];
    await Promise.all(fleets.map((fleet) => fleet.stop()));
  }

  async onModuleDestroy(): Promise<void> {
    await this.removeAll();
  }

  private address(): string {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server listens on no port');
    const host = EVERYWHERE[address.address] ?? address.address;
    return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  }
}
