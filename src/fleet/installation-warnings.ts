import { Injectable } from '@nestjs/common';
import { FORWARDING_WARNING_CODES, Forwarding } from '../http/forwarding.js';
import { ImageCheck } from '../firmware/binaries/image-check.js';

export const WARNING_CODES = [...FORWARDING_WARNING_CODES, 'image_damaged'] as const;

/** A fault of the installation that its operator should fix. */
export interface InstallationWarning {
  code: (typeof WARNING_CODES)[number];
  /** A sentence for the operator, without a full stop. */
  message: string;
}

// If the folder is lost, every image counts as damaged; the firmware page lists them all.
const MAX_VERSIONS_NAMED = 5;

/** Collects what an operator should fix in the installation: proxies, settings, and binaries on the disk. */
@Injectable()
export class InstallationWarnings {
  constructor(
    private readonly forwarding: Forwarding,
    private readonly images: ImageCheck,
  ) {}

  /** The current warnings, at most one of each code. */
  async current(): Promise<InstallationWarning[]> {
    const damaged = await this.images.damaged();
    if (damaged.length === 0) return this.forwarding.warnings;
    return [{ code: 'image_damaged', message: damagedText(damaged) }, ...this.forwarding.warnings];
  }
}

function damagedText(versions: readonly string[]): string {
  const named = versions.slice(0, MAX_VERSIONS_NAMED).join(', ');
  const more = versions.length - MAX_VERSIONS_NAMED;
  return (
    `Binaries are damaged or missing on the disk of the server and are offered to no printer: ${named}` +
    `${more > 0 ? ` and ${more} more` : ''}. Upload the same files again to repair them`
  );
}
