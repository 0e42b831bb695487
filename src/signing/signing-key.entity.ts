import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { Instant } from '../database/columns.js';

/** A public key that an operator trusts to sign firmware. The row of a removed key stays, because it names who signed a build. */
@Entity('signing_key')
@Index('uq_signing_key_registered', ['fingerprint'], { unique: true, where: '"removed_at" IS NULL' })
export class SigningKey {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_signing_key' })
  id!: number;

  /** Name of the key's owner or purpose. */
  @Column({ type: 'varchar' })
  name!: string;

  /** SubjectPublicKeyInfo as PEM (RFC 7468 §13), in the form of `pemOf`. */
  @Column({ name: 'public_key', type: 'varchar' })
  publicKey!: string;

  /** The result of `fingerprintOf`. */
  @Column({ type: 'varchar' })
  fingerprint!: string;

  @Instant({ name: 'created_at' })
  createdAt!: Date;

  @Instant({ name: 'removed_at', nullable: true })
  removedAt!: Date | null;
}
