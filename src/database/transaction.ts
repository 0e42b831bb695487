import type { Actor } from '../common/actor.js';
import type { EntityManager, EntityTarget, ObjectLiteral, QueryDeepPartialEntity } from 'typeorm';
import type { Statements } from './statements.js';

/** What a piece of work gets: the database, and a way to speak of it once it is safe. */
export class Transaction {
  private readonly successes: Array<() => void> = [];
  private readonly failures: Array<() => void> = [];
  private readonly callbacks: Array<() => void> = [];

  /**
   * @param em TypeORM, for the paths that operators take
   * @param db prepared statements on the same connection, for the paths that printers take
   * @param actor on whose behalf it is done
   * @param collected true for work that shares its transaction with that of many other printers
   */
  constructor(
    readonly em: EntityManager,
    readonly db: Statements,
    readonly actor: Actor,
    readonly collected: boolean,
  ) {}

  /** Inserts one row and returns its number. */
  async insert<T extends ObjectLiteral>(
    entity: EntityTarget<T>,
    row: QueryDeepPartialEntity<T>,
  ): Promise<number> {
    const { identifiers } = await this.em.insert(entity, row);
    return Number(identifiers[0]?.id);
  }

  /** Calls back when this work has succeeded, still within the transaction; never, where the work failed. */
  onSuccess(callback: () => void): void {
    this.successes.push(callback);
  }

  /** Calls back when this work has failed by itself, and was rolled back alone. */
  onFailure(callback: () => void): void {
    this.failures.push(callback);
  }

  /** Calls back when this work has been committed; never, where it was rolled back. Callbacks must not throw. */
  afterCommit(callback: () => void): void {
    this.callbacks.push(callback);
  }

  /** For the unit of work alone. */
  succeeded(): void {
    for (const callback of this.successes) callback();
  }

  /** For the unit of work alone. */
  failed(): void {
    for (const callback of this.failures) callback();
  }

  /** For the unit of work alone. */
  committed(): void {
    for (const callback of this.callbacks) callback();
  }
}
