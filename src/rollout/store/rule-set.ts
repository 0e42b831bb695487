import type { Channel } from '../../common/channel.js';
import { compareRules } from '../rules/decide.js';
import { parseMovedBack } from '../rules/moved-back.js';
import type { MovedBack } from '../rules/moved-back.js';
import { speaksFor } from '../rules/targeting.js';
import type { PrinterFacts, RolloutRule } from '../rules/targeting.js';

/** The fields of a printer, or of many identical ones, that its facts are derived from. */
export interface PrinterKind {
  uuid: string;
  userId: string;
  platform: string | null;
  updateChannel: Channel;
  versionKey: string;
  versionRolloutId: number | null;
  autoUpdate: boolean;
  blocked: boolean;
  /** The text that `withMove` writes; null if the printer was never moved back. */
  movedBack: string | null;
  previousVersion: string | null;
  bucket: number;
}

/** The rules of the rollouts that are not cancelled, ready for decisions. */
export class RuleSet {
  /** In the order in which they are evaluated. */
  readonly rules: readonly RolloutRule[];
  /** Those that take a version back. */
  readonly rollbacks: readonly RolloutRule[];
  private readonly byId: ReadonlyMap<number, RolloutRule>;
  private readonly newestFirst: readonly RolloutRule[];

  /** @param cancellations for each cancelled rollout, the newest rollout that existed when it was cancelled */
  constructor(
    rules: RolloutRule[],
    private readonly cancellations: ReadonlyMap<number, number>,
  ) {
    this.rules = rules.sort(compareRules);
    this.rollbacks = this.rules.filter(({ takesBack }) => takesBack !== null);
    this.byId = new Map(rules.map((rule) => [rule.id, rule]));
    this.newestFirst = [...rules].sort((a, b) => b.id - a.id);
  }

  /** The same rules with one added or replaced. */
  with(rule: RolloutRule): RuleSet {
    return new RuleSet([...this.rules.filter(({ id }) => id !== rule.id), rule], this.cancellations);
  }

  /** The rule of a rollout; undefined if it is cancelled or deleted. */
  get(rolloutId: number): RolloutRule | undefined {
    return this.byId.get(rolloutId);
  }

  /** The facts about a printer that a decision needs. */
  factsOf(printer: PrinterKind): PrinterFacts {
    return new Facts(printer, this.newestWhenCancelled(printer.versionRolloutId), this.newestFirst);
  }

  /** The newest rollout that existed when a rollout was cancelled; null if it was not cancelled, or `rolloutId` is null. */
  newestWhenCancelled(rolloutId: number | null): number | null {
    return rolloutId === null ? null : (this.cancellations.get(rolloutId) ?? null);
  }
}

// A class: V8 builds an object literal that has a getter slowly, and facts are wanted several times for each connect.
class Facts implements PrinterFacts {
  readonly uuid: string;
  readonly userId: string;
  readonly platform: string | null;
  readonly channel: Channel;
  readonly versionKey: string;
  readonly autoUpdate: boolean;
  readonly blocked: boolean;
  readonly previousVersion: string | null;
  readonly movedBack: MovedBack;
  private newest: number | null | undefined;

  constructor(
    printer: PrinterKind,
    readonly newestWhenCancelled: number | null,
    private readonly newestFirst: readonly RolloutRule[],
  ) {
    this.uuid = printer.uuid;
    this.userId = printer.userId;
    this.platform = printer.platform;
    this.channel = printer.updateChannel;
    this.versionKey = printer.versionKey;
    this.autoUpdate = printer.autoUpdate;
    this.blocked = printer.blocked;
    this.previousVersion = printer.previousVersion;
    this.movedBack = parseMovedBack(printer.movedBack);
  }

  // Computed on demand: only a rollout that would move the printer back needs it, and few do.
  get newestRolloutId(): number | null {
    if (this.newest === undefined)
      this.newest = this.newestFirst.find((rule) => speaksFor(rule, this))?.id ?? null;
    return this.newest;
  }
}
