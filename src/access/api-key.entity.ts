import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { Instant } from '../database/columns.js';

/** A key for the management of this server. Only its hash is stored, never the key itself. */
@Entity('api_key')
@Unique('uq_api_key_hash', ['hash'])
export class ApiKey {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_api_key' })
  id!: number;

  /** Name of the key's owner or purpose. */
  @Column({ type: 'varchar' })
  name!: string;

  /** The first characters of the key, to tell keys apart. */
  @Column({ type: 'varchar' })
  prefix!: string;

  /** SHA-256 of the key, hexadecimal. A key has 256 random bits, so a fast hash is enough: it cannot be guessed. */
  @Column({ type: 'varchar' })
  hash!: string;

  /** Names separated by spaces, as in OAuth (RFC 6749 §3.3). */
  @Column({ type: 'varchar' })
  scopes!: string;

  @Instant({ name: 'created_at' })
  createdAt!: Date;

  @Instant({ name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** To the minute, so that not every request causes a write. */
  @Instant({ name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;

  @Instant({ name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}
