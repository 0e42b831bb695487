import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { Instant } from '../database/columns.js';

/** A public key that an operator trusts to sign firmware. The row of a key that was removed stays: it names who signed a build. */
@Entity('signing_key')
@Index('uq_signing_key_registered', ['fingerprint'], { unique: true, where: '"removed_at" IS NULL' })
export class SigningKey {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_signing_key' })
  id!: number;

  /** Whose key it is, or what for. */
  @Column({ type: 'varchar' })
  name!: string;

  /** SubjectPublicKeyInfo as PEM (RFC 7468 §13), as `pemOf` writes it. */
  @Column({ name: 'public_key', type: 'varchar' })
  publicKey!: string;

  /** As `fingerprintOf` computes it. */
  @Column({ type: 'varchar' })
  fingerprint!: string;

  @Instant({ name: 'created_at' })
  createdAt!: Date;

  @Instant({ name: 'removed_at', nullable: true })
  removedAt!: Date | null;
}
