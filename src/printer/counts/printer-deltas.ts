import type { Channel } from '../../common/channel.js';
import { problemFieldsOf } from '../printer-problems.js';
import type { Printer } from '../printer.entity.js';

/** All properties of a printer that rules use, except for lists of printers and users: the key of `PrinterCount`. */
export type PrinterKind = readonly [
  channel: Channel,
  versionKey: string,
  platform: string,
  versionRolloutId: number,
  previousVersion: string,
  movedBack: string,
  bucket: number,
  blocked: 0 | 1,
];

/** The effect of changes to printers on the counters of printers. */
export class PrinterDeltas {
  /** Number of printers of each kind, by its key as text. */
  readonly kinds = new Map<string, { kind: PrinterKind; printers: number }>();
  /** Number of printers that have a problem, by field. */
  readonly problems = new Map<string, number>();

  /**
   * Adds the effect of a change to one printer.
   *
   * @param before null if the printer is new
   * @param after null if it is deleted
   */
  add(before: Printer | null, after: Printer | null): void {
    const from = before && kindOf(before);
    const to = after && kindOf(after);
    if (!from || !to || from.some((value, index) => value !== to[index])) {
      if (from) this.addKind(from, -1);
      if (to) this.addKind(to, 1);
    }
    if (before?.problems === after?.problems) return;
    for (const field of problemFieldsOf(before?.problems ?? null)) this.addProblem(field, -1);
    for (const field of problemFieldsOf(after?.problems ?? null)) this.addProblem(field, 1);
  }

  private addKind(kind: PrinterKind, by: number): void {
    const name = JSON.stringify(kind);
    const delta = this.kinds.get(name) ?? { kind, printers: 0 };
    delta.printers += by;
    this.kinds.set(name, delta);
  }

  private addProblem(field: string, by: number): void {
    this.problems.set(field, (this.problems.get(field) ?? 0) + by);
  }
}

function kindOf(printer: Printer): PrinterKind {
  return [
    printer.updateChannel,
    printer.versionKey,
    printer.platform ?? '',
    printer.versionRolloutId ?? 0,
    printer.previousVersion ?? '',
    printer.movedBack ?? '',
    printer.bucket,
    printer.blocked ? 1 : 0,
  ];
}
