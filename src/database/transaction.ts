import type { Actor } from '../common/actor.js';
import type { EntityManager, EntityTarget, ObjectLiteral, QueryDeepPartialEntity } from 'typeorm';
import type { Statements } from './statements.js';

/** The argument of a job: the database, and callbacks for its success, failure and commit. */
export class Transaction {
  private readonly successes: Array<() => void> = [];
  private readonly failures: Array<() => void> = [];
  private readonly callbacks: Array<() => void> = [];

  /**
   * @param em TypeORM, for operators' work
   * @param db prepared statements on the same connection, for printers' work
   * @param actor on whose behalf the work is done
   * @param collected true for work that shares its transaction with that of many other printers
   */
  constructor(
    readonly em: EntityManager,
    readonly db: Statements,
    readonly actor: Actor,
    readonly collected: boolean,
  ) {}

  /** Inserts one row, and returns its number. */
  async insert<T extends ObjectLiteral>(
    entity: EntityTarget<T>,
    row: QueryDeepPartialEntity<T>,
  ): Promise<number> {
    const { identifiers } = await this.em.insert(entity, row);
    return Number(identifiers[0]?.id);
  }

  /** Calls back when this job has succeeded, still within the transaction; never if it failed. */
  onSuccess(callback: () => void): void {
    this.successes.push(callback);
  }

  /** Calls back when this job has failed by itself and was rolled back alone. */
  onFailure(callback: () => void): void {
    this.failures.push(callback);
  }

  /** Calls back when this job has been committed; never if it was rolled back. Callbacks must not throw. */
  afterCommit(callback: () => void): void {
    this.callbacks.push(callback);
  }

  /** Only for UnitOfWork. */
  succeeded(): void {
    for (const callback of this.successes) callback();
  }

  /** Only for UnitOfWork. */
  failed(): void {
    for (const callback of this.failures) callback();
  }

  /** Only for UnitOfWork. */
  committed(): void {
    for (const callback of this.callbacks) callback();
  }
}
