import type { Channel } from '../../common/channel.js';
import { compareRules } from '../rules/decide.js';
import { parseMovedBack } from '../rules/moved-back.js';
import { speaksFor } from '../rules/targeting.js';
import type { NamedFacts, PrinterFacts, RolloutRule } from '../rules/targeting.js';

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
    const { uuid, userId, platform, updateChannel: channel, versionKey, versionRolloutId } = printer;
    const named = { uuid, userId, channel, versionKey, previousVersion: printer.previousVersion };
    const newest = (): number | null => this.newestRolloutId(named);
    let found: number | null | undefined;
    return {
      ...named,
      platform,
      autoUpdate: printer.autoUpdate,
      blocked: printer.blocked,
      newestWhenCancelled: this.newestWhenCancelled(versionRolloutId),
      movedBack: parseMovedBack(printer.movedBack),
      // Computed on demand: only a rollout that would move the printer back needs it, and few do.
      get newestRolloutId() {
        if (found === undefined) found = newest();
        return found;
      },
    };
  }

  /** The newest rollout that existed when a rollout was cancelled; null if it was not cancelled, or `rolloutId` is null. */
  newestWhenCancelled(rolloutId: number | null): number | null {
    return rolloutId === null ? null : (this.cancellations.get(rolloutId) ?? null);
  }

  private newestRolloutId(printer: NamedFacts): number | null {
    return this.newestFirst.find((rule) => speaksFor(rule, printer))?.id ?? null;
  }
}
