import type { Channel } from '../../common/channel.js';
import { compareRules } from '../rules/decide.js';
import { parseMovedBack } from '../rules/moved-back.js';
import { speaksFor } from '../rules/targeting.js';
import type { NamedFacts, PrinterFacts, RolloutRule } from '../rules/targeting.js';

/** What of a printer, or of many alike, the facts are made of. */
export interface PrinterKind {
  uuid: string;
  userId: string;
  platform: string | null;
  updateChannel: Channel;
  versionKey: string;
  versionRolloutId: number | null;
  autoUpdate: boolean;
  blocked: boolean;
  /** As `withMove` writes it; null for none. */
  movedBack: string | null;
  previousVersion: string | null;
  bucket: number;
}

/** The rollouts that are not cancelled, ready for decisions. */
export class RuleSet {
  /** In the order in which they get their turn. */
  readonly rules: readonly RolloutRule[];
  private readonly byId: ReadonlyMap<number, RolloutRule>;
  private readonly newestFirst: readonly RolloutRule[];

  /** @param withdrawals for each cancelled rollout the newest one that there was at that moment */
  constructor(
    rules: RolloutRule[],
    private readonly cancellations: ReadonlyMap<number, number>,
  ) {
    this.rules = rules.sort(compareRules);
    this.byId = new Map(rules.map((rule) => [rule.id, rule]));
    this.newestFirst = [...rules].sort((a, b) => b.id - a.id);
  }

  /** The same rollouts with one more, or with one of them in another state. */
  with(rule: RolloutRule): RuleSet {
    return new RuleSet([...this.rules.filter(({ id }) => id !== rule.id), rule], this.cancellations);
  }

  /** The rule of a rollout; undefined where it is cancelled or deleted. */
  get(rolloutId: number): RolloutRule | undefined {
    return this.byId.get(rolloutId);
  }

  /** What a decision needs to know of a printer. */
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
      withdrawnAt: this.withdrawnAt(versionRolloutId),
      movedBack: parseMovedBack(printer.movedBack),
      // Only a rollout that would move the printer back asks, and few do.
      get newestRolloutId() {
        if (found === undefined) found = newest();
        return found;
      },
    };
  }

  /** The newest rollout that there was when one was cancelled; null if it was not, or there is none. */
  withdrawnAt(rolloutId: number | null): number | null {
    return rolloutId === null ? null : (this.cancellations.get(rolloutId) ?? null);
  }

  private newestRolloutId(printer: NamedFacts): number | null {
    return this.newestFirst.find((rule) => speaksFor(rule, printer))?.id ?? null;
  }
}
