import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { Actor } from '../common/actor.js';
import { Instant } from '../database/columns.js';

/** One change by an actor. Written with the change, and never changed or deleted: the database refuses both. */
@Entity('audit_entry')
@Index('ix_audit_subject', ['subject'])
@Index('ix_audit_action', ['action'])
@Index('ix_audit_key', ['keyId'])
export class AuditEntry {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_audit_entry' })
  id!: number;

  @Instant()
  at!: Date;

  @Column({ name: 'actor_kind', type: 'varchar' })
  actorKind!: Actor['kind'];

  /** Not a foreign key: the entry stays, whatever happens to the key. */
  @Column({ name: 'key_id', type: 'integer', nullable: true })
  keyId!: number | null;

  /** The name of the key at that time. */
  @Column({ name: 'key_name', type: 'varchar', nullable: true })
  keyName!: string | null;

  /** The peer that the request came from; behind a proxy, the proxy. */
  @Column({ type: 'varchar', nullable: true })
  address!: string | null;

  @Column({ type: 'varchar' })
  action!: string;

  /** The changed object, e.g. `rollout/3`. */
  @Column({ type: 'varchar' })
  subject!: string;

  /** JSON; null if the object was created. */
  @Column({ name: 'state_before', type: 'text', nullable: true })
  before!: string | null;

  /** JSON; null if the object was deleted. */
  @Column({ name: 'state_after', type: 'text', nullable: true })
  after!: string | null;
}
