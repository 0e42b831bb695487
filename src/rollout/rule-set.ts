import type { Channel } from '../common/channel.js';
import { compareRules } from './domain/decide.js';
import type { PrinterFacts, RolloutRule } from './domain/targeting.js';

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
}

/** The rollouts that are not cancelled, ready for decisions. */
export class RuleSet {
  /** In the order in which they get their turn. */
  readonly rules: readonly RolloutRule[];
  private readonly byId: ReadonlyMap<number, RolloutRule>;

  /** @param withdrawals for each cancelled rollout the newest one that there was at that moment */
  constructor(
    rules: RolloutRule[],
    private readonly withdrawals: ReadonlyMap<number, number>,
  ) {
    this.rules = rules.sort(compareRules);
    this.byId = new Map(rules.map((rule) => [rule.id, rule]));
  }

  /** The same rollouts with one more, or with one of them in another state. */
  with(rule: RolloutRule): RuleSet {
    return new RuleSet([...this.rules.filter(({ id }) => id !== rule.id), rule], this.withdrawals);
  }

  /** The rule of a rollout; undefined where it is cancelled or deleted. */
  get(rolloutId: number): RolloutRule | undefined {
    return this.byId.get(rolloutId);
  }

  /** What a decision needs to know of a printer. */
  factsOf(printer: PrinterKind): PrinterFacts {
    const { uuid, userId, platform, updateChannel, versionKey, versionRolloutId } = printer;
    const { autoUpdate, blocked } = printer;
    const withdrawnAt = versionRolloutId === null ? null : (this.withdrawals.get(versionRolloutId) ?? null);
    const channel = updateChannel;
    return { uuid, userId, platform, channel, versionKey, autoUpdate, blocked, withdrawnAt };
  }
}
