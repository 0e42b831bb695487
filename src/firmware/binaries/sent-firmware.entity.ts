import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * The bytes that printers were sent under a version. Never deleted: a version that was sent names these bytes for ever (decisions,
 * "Firmware").
 */
@Entity('sent_firmware')
@Index('ix_sent_firmware_version', ['version', 'platform'])
export class SentFirmware {
  /** The row that was sent. Not a foreign key, because the row may be deleted. */
  @PrimaryColumn({ name: 'firmware_id', type: 'integer', primaryKeyConstraintName: 'pk_sent_firmware' })
  firmwareId!: number;

  @Column({ type: 'varchar' })
  version!: string;

  /** The boards that the build fits; '' fits every board. */
  @Column({ type: 'varchar' })
  platform!: string;

  @Column({ type: 'varchar' })
  sha256!: string;

  /** Number of printers that were first sent this version, for this platform, through this row. */
  @Column({ type: 'integer' })
  printers!: number;
}
