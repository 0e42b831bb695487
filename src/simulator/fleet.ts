import type { KeyObject } from 'node:crypto';
import { fractionFrom, uuidFrom } from './identity.js';
import { VirtualPrinter } from './virtual-printer.js';
import type { Behaviour } from './virtual-printer.js';

/** Composition of a fleet. Shares are fractions of all printers, from 0 to 1. */
export interface FleetOptions {
  server: string;
  printers: number;
  /** Number of owners among whom the printers are distributed. */
  users: number;
  /** The same seed gives the same printers, owners, channels, versions and behaviour. */
  seed: string;
  /** Versions that the printers run at the start. */
  versions: readonly string[];
  channels: Readonly<Record<string, number>>;
  platforms: readonly string[];
  failing: number;
  declining: number;
  hanging: number;
  rollingBack: number;
  rebootMs: number;
  /** As in `VirtualPrinterOptions`. */
  publicKey?: KeyObject | undefined;
  stepMs?: number;
  /** True if each printer sends a secret. */
  withKeys?: boolean;
  /** The number in the name of the first printer; 1 by default. */
  firstNumber?: number;
}

/** State of a fleet, for one line of text. */
export interface FleetCounts {
  total: number;
  online: number;
  /** Update messages received so far. */
  orders: number;
  /** Number of printers by their version, the most frequent first. */
  versions: Array<[string, number]>;
  /** Number of printers that are offline, by reason, the most frequent first. */
  troubles: Array<[string, number]>;
}

// Sockets opened at once: a real fleet does not connect in one instant.
const CONNECTS_PER_STEP = 50;
const STEP_MS = 20;

/** Many virtual printers that depend only on their options. */
export class Fleet {
  readonly printers: VirtualPrinter[];
  private stopped = false;

  constructor(private readonly options: FleetOptions) {
    this.printers = Array.from({ length: options.printers }, (_, index) => this.makePrinter(index));
  }

  /** Connects the printers in small groups, until all are connected or the fleet is stopped. */
  async start(): Promise<void> {
    for (const [index, printer] of this.printers.entries()) {
      if (this.stopped) return;
      printer.start();
      if (index % CONNECTS_PER_STEP === CONNECTS_PER_STEP - 1) {
        await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      }
    }
  }

  /** Disconnects all printers. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.printers.map((printer) => printer.stop()));
  }

  /** The current state of the fleet. */
  counts(): FleetCounts {
    const troubled = this.printers.filter(({ subscribed, trouble }) => !subscribed && trouble !== null);
    return {
      total: this.printers.length,
      online: this.printers.filter((printer) => printer.subscribed).length,
      orders: this.printers.reduce((sum, printer) => sum + printer.orders.length, 0),
      versions: countBy(this.printers, ({ version }) => version),
      troubles: countBy(troubled, ({ trouble }) => trouble ?? ''),
    };
  }

  private makePrinter(index: number): VirtualPrinter {
    const { server, seed, users, versions, channels, platforms, rebootMs, publicKey, stepMs } = this.options;
    const { withKeys = false, firstNumber = 1 } = this.options;
    return new VirtualPrinter({
      server,
      uuid: uuidFrom(seed, 'printer', index),
      userId: uuidFrom(seed, 'user', index % users),
      name: `Virtual printer ${firstNumber + index}`,
      version: pick(versions, fractionFrom(seed, 'version', index)),
      platform: pick(platforms, fractionFrom(seed, 'platform', index)),
      channel: pickShare(Object.entries(channels), fractionFrom(seed, 'channel', index), 'stable'),
      behaviour: this.behaviour(fractionFrom(seed, 'behaviour', index)),
      rebootMs,
      publicKey,
      // Nobody reads the messages, and printers that wait for approval reconnect for days.
      keeps: 0,
      ...(stepMs === undefined ? {} : { stepMs }),
      ...(withKeys ? { apiKey: uuidFrom(seed, 'key', index) } : {}),
    });
  }

  private behaviour(fraction: number): Behaviour {
    const { failing, declining, hanging, rollingBack } = this.options;
    const shares: Array<[Behaviour, number]> = [
      ['fail', failing],
      ['decline', declining],
      ['hang', hanging],
      ['roll-back', rollingBack],
    ];
    return pickShare(shares, fraction, 'update');
  }
}

/** Counts each key, the most frequent first. */
function countBy(
  printers: readonly VirtualPrinter[],
  key: (one: VirtualPrinter) => string,
): Array<[string, number]> {
  const counts = new Map<string, number>();
  for (const one of printers) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function pick<T>(list: readonly T[], fraction: number): T {
  const item = list[Math.floor(fraction * list.length)];
  if (item === undefined) throw new RangeError('There is nothing to pick from');
  return item;
}

function pickShare<T>(shares: ReadonlyArray<readonly [T, number]>, fraction: number, rest: T): T {
  let sum = 0;
  for (const [item, share] of shares) {
    sum += share;
    if (fraction < sum) return item;
  }
  return rest;
}
