import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * Remembers which bytes printers were sent under a version. Never deleted: a version that was sent names these bytes for ever
 * (decisions, "Firmware").
 */
@Entity('sent_firmware')
@Index('ix_sent_firmware_version', ['version', 'platform'])
export class SentFirmware {
  /** The row that was sent; not a foreign key, for it may be deleted. */
  @PrimaryColumn({ name: 'firmware_id', type: 'integer', primaryKeyConstraintName: 'pk_sent_firmware' })
  firmwareId!: number;

  @Column({ type: 'varchar' })
  version!: string;

  /** The boards that the build fits; '' fits every board. */
  @Column({ type: 'varchar' })
  platform!: string;

  @Column({ type: 'varchar' })
  sha256!: string;

  /** Printers that were sent the version, for this platform, through this row first. */
  @Column({ type: 'integer' })
  printers!: number;
}
