import { Injectable } from '@nestjs/common';
import { Database } from '../../database/database.js';
import type { Firmware } from '../../firmware/firmware.entity.js';
import { FirmwareService } from '../../firmware/firmware.service.js';
import type { UploadAdviser } from '../../firmware/uploads/upload-warnings.js';
import { UploadWarnings } from '../../firmware/uploads/upload-warnings.js';
import { PrinterCounts } from '../../printer/counts/printer-counts.js';
import { RolloutRules } from '../store/rollout-rules.js';

/** Maximum names in one sentence. */
const MAX_NAMED = 10;

/** Warns about the effects of an upload on printers and rollouts. */
@Injectable()
export class UploadAdvice implements UploadAdviser {
  constructor(
    warnings: UploadWarnings,
    private readonly database: Database,
    private readonly printerCounts: PrinterCounts,
    private readonly firmware: FirmwareService,
    private readonly rules: RolloutRules,
  ) {
    warnings.register(this);
  }

  async warningsFor(row: Firmware): Promise<string[]> {
    if (row.platform === '') return this.rolloutWarnings(row);
    return [...(await this.platformWarnings(row)), ...(await this.rolloutWarnings(row))];
  }

  private async platformWarnings({ platform }: Firmware): Promise<string[]> {
    const platforms = new Set(await this.printerCounts.platforms(this.database.committed));
    if (platforms.has(platform)) return [];
    const others = platforms.size === 0 ? '' : `; printers have ${inWords([...platforms].sort())}`;
    return [`No printer has the platform ${platform}${others}`];
  }

  /** Only the first build for a platform affects rollouts: in another channel it is the same build again. */
  private async rolloutWarnings({ version, platform }: Firmware): Promise<string[]> {
    const rows = (await this.firmware.ofVersions(this.database.committed, [version])).get(version) ?? [];
    if (rows.filter((row) => row.platform === platform).length > 1) return [];
    const rules = (await this.rules.forReading()).rules.filter(
      (rule) => rule.version === version && rule.builds.size > 0,
    );
    const taking = rules.filter(({ builds }) => builds.has(platform)).map(({ id }) => id);
    const passing = rules.filter(({ builds }) => !builds.has(platform)).map(({ id }) => id);
    const boards = platform === '' ? 'boards that it had no build for' : platform;
    return [
      ...(taking.length > 0
        ? [`This build is sent to ${boards} by ${rollouts(taking)}, created before it`]
        : []),
      ...(passing.length > 0
        ? [
            `${platform} goes on getting the build for every board from ${rollouts(passing)}, created before this one`,
          ]
        : []),
    ];
  }
}

function rollouts(ids: readonly number[]): string {
  return `rollout${ids.length === 1 ? '' : 's'} ${inWords(ids.map(String).sort())}`;
}

function inWords(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
