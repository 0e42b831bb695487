import { Column, Entity, Index, PrimaryGeneratedColumn, Unique } from 'typeorm';
import { Instant } from '../../database/columns.js';

export const REGISTRATION_STATUSES = ['pending', 'accepted', 'rejected'] as const;
export type RegistrationStatus = (typeof REGISTRATION_STATUSES)[number];

/** A printer that has asked to be registered, if an operator has to approve that. It is not a printer yet, and no counter includes it. */
@Entity('registration')
@Unique('uq_registration_uuid', ['uuid'])
@Index('ix_registration_status_address', ['status', 'addressGroup'])
export class Registration {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'pk_registration' })
  id!: number;

  /** Lower-case. */
  @Column({ type: 'varchar' })
  uuid!: string;

  @Column({ type: 'varchar' })
  status!: RegistrationStatus;

  @Column({ type: 'varchar' })
  name!: string;

  /** UUID of the owner as the printer reports it, lower-case. */
  @Column({ name: 'user_id', type: 'varchar' })
  userId!: string;

  @Column({ type: 'varchar', nullable: true })
  platform!: string | null;

  /** SHA-256 of the secret that it asked with; it is accepted only with that one. Null if it had none. */
  @Column({ name: 'key_hash', type: 'varchar', nullable: true })
  keyHash!: string | null;

  @Column({ type: 'varchar' })
  address!: string;

  /** The group of addresses that shares one limit (`addressGroup`). */
  @Column({ name: 'address_group', type: 'varchar' })
  addressGroup!: string;

  @Instant({ name: 'requested_at' })
  requestedAt!: Date;
}
