import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { Instant } from '../database/columns.js';

/** A key that opens the management of this server. The key itself is nowhere: only its hash is kept. */
@Entity('api_key')
@Unique('uq_api_key_hash', ['hash'])
export class ApiKey {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_api_key' })
  id!: number;

  /** Whose key it is, or what for. */
  @Column({ type: 'varchar' })
  name!: string;

  /** The first characters of the key, to tell keys apart. */
  @Column({ type: 'varchar' })
  prefix!: string;

  /** SHA-256 of the key, hexadecimal. A key has 256 random bits: nothing slower is needed, and nothing can be guessed. */
  @Column({ type: 'varchar' })
  hash!: string;

  /** Names with spaces between, as OAuth has them (RFC 6749 §3.3). */
  @Column({ type: 'varchar' })
  scopes!: string;

  @Instant({ name: 'created_at' })
  createdAt!: Date;

  @Instant({ name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** To the minute: not every request is a write. */
  @Instant({ name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null;

  @Instant({ name: 'revoked_at', nullable: true })
  revokedAt!: Date | null;
}
