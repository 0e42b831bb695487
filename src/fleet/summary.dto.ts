import { ApiProperty } from '@nestjs/swagger';
import type { RolloutStatus } from '../rollout/rules/status.js';
import { VERSION } from '../version.js';
import type { VersionCount } from './version-breakdown.js';
import { OTHER } from './history/fleet-history.js';
import type { Summary } from './fleet-summary.js';
import { WARNING_CODES } from './installation-warnings.js';

// A real fleet runs a few dozen versions; whatever else printers report is summed up.
const MAX_VERSIONS = 50;

/** Numbers of printers. */
export class PrinterCountResponse {
  @ApiProperty({ type: Number, example: 150 })
  total!: number;

  @ApiProperty({ type: Number, example: 120 })
  online!: number;

  @ApiProperty({
    type: Number,
    example: 1,
    description: 'Something in their last subscribe was unusable: `GET /api/printers?problems=true`',
  })
  problems!: number;
}

/** Numbers of updates in progress, and of those that ended in the last 24 hours. */
export class UpdateCountResponse {
  @ApiProperty({ type: Number, example: 3 })
  in_progress!: number;

  @ApiProperty({ type: Number, example: 40, description: 'In the last 24 hours, accurate to five minutes' })
  completed_last_day!: number;

  @ApiProperty({ type: Number, example: 2 })
  failed_last_day!: number;

  @ApiProperty({ type: Number, example: 0 })
  declined_last_day!: number;
}

/** Numbers of rollouts by status. */
export class RolloutCountResponse implements Record<RolloutStatus, number> {
  @ApiProperty({ type: Number, example: 0 })
  scheduled!: number;

  @ApiProperty({ type: Number, example: 1 })
  active!: number;

  @ApiProperty({ type: Number, example: 0 })
  paused!: number;

  @ApiProperty({ type: Number, example: 3 })
  completed!: number;

  @ApiProperty({ type: Number, example: 0 })
  cancelled!: number;
}

/** The printers of one version: `printers` is the sum of the other four. */
export class VersionCountResponse {
  @ApiProperty({ type: String, example: '1.5.0', description: `Or \`${OTHER}\`` })
  version!: string;

  @ApiProperty({ type: Number, example: 100 })
  printers!: number;

  @ApiProperty({ type: Number, example: 95, description: 'Printers that run the version they should' })
  on_target!: number;

  @ApiProperty({
    type: Number,
    example: 0,
    description:
      'Printers whose update is held back: the rollout is paused, has not started or has not reached them; the firmware is deprecated or ' +
      'damaged; or the printer is blocked, has auto_update off (its update counts as declined) or reports a version that cannot be read',
  })
  held!: number;

  @ApiProperty({ type: Number, example: 3, description: 'Offline printers for which an update is due' })
  behind_offline!: number;

  @ApiProperty({
    type: Number,
    example: 2,
    description:
      'Connected printers for which an update is due: it is in progress, has failed, or was refused by the printer itself',
  })
  behind_online!: number;
}

/** A fault of the installation that its operator should fix. */
export class WarningResponse {
  @ApiProperty({
    enum: WARNING_CODES,
    example: 'https_proxy_unknown',
    description:
      '`https_proxy_unknown`: a proxy speaks HTTPS, and neither BASE_URL nor TRUSTED_PROXIES says so. `unusable_address`: a Host, or what ' +
      'a trusted proxy forwards as such, cannot be part of a download address. `image_damaged`: binaries are missing or damaged on the ' +
      'disk, and not offered until the same files are uploaded again',
  })
  code!: (typeof WARNING_CODES)[number];

  @ApiProperty({ type: String, example: 'Requests come through a proxy that speaks HTTPS ...' })
  message!: string;
}

/** A summary of the whole fleet. */
export class SummaryResponse {
  @ApiProperty({ type: String, format: 'date-time', example: '2025-01-15T10:00:00.000Z' })
  at!: string;

  @ApiProperty({ type: String, example: '0.1.0', description: 'The version of the server' })
  version!: string;

  @ApiProperty({
    type: Boolean,
    example: false,
    description: 'True if the server can run virtual printers',
  })
  simulator!: boolean;

  @ApiProperty({ type: PrinterCountResponse })
  printers!: PrinterCountResponse;

  @ApiProperty({
    type: Number,
    example: 2,
    description: 'Printers that await approval: `GET /api/registrations`',
  })
  waiting!: number;

  @ApiProperty({ type: UpdateCountResponse })
  updates!: UpdateCountResponse;

  @ApiProperty({ type: RolloutCountResponse })
  rollouts!: RolloutCountResponse;

  @ApiProperty({
    type: Number,
    example: 4,
    description: 'Builds, one for each version, channel and platform',
  })
  firmware!: number;

  @ApiProperty({
    type: [WarningResponse],
    description: 'Faults that an operator should fix; at most one of each code',
  })
  warnings!: WarningResponse[];

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2025-01-15T09:59:59.500Z',
    description:
      'When `versions` was counted: a large fleet is not counted again after every change. Null, with no versions, until the first ' +
      'count after a start has finished',
  })
  counted_at!: string | null;

  @ApiProperty({
    type: [VersionCountResponse],
    description: `The highest version first; beyond the ${MAX_VERSIONS} commonest, the rest is summed up at the end`,
  })
  versions!: VersionCountResponse[];
}

/** Maps a summary to its response. */
export function toSummaryResponse(summary: Summary, simulator: boolean): SummaryResponse {
  const { printers, endedLastDay, rollouts, count } = summary;
  return {
    at: summary.at.toISOString(),
    version: VERSION,
    simulator,
    printers: { total: printers.total, online: printers.online, problems: printers.problems },
    waiting: summary.waiting,
    updates: {
      in_progress: summary.updatesInProgress,
      completed_last_day: endedLastDay.completed,
      failed_last_day: endedLastDay.failed,
      declined_last_day: endedLastDay.declined,
    },
    rollouts: {
      scheduled: rollouts.get('scheduled') ?? 0,
      active: rollouts.get('active') ?? 0,
      paused: rollouts.get('paused') ?? 0,
      completed: rollouts.get('completed') ?? 0,
      cancelled: rollouts.get('cancelled') ?? 0,
    },
    firmware: summary.firmware,
    warnings: summary.warnings.map(({ code, message }) => ({ code, message })),
    counted_at: count?.countedAt.toISOString() ?? null,
    versions: count === null ? [] : toVersions(count.versions),
  };
}

/** True if two summaries differ in more than their times. */
export function differ(a: SummaryResponse | null, b: SummaryResponse): boolean {
  const when = { at: '', counted_at: '' };
  return a === null || JSON.stringify({ ...a, ...when }) !== JSON.stringify({ ...b, ...when });
}

function toVersions(counts: readonly VersionCount[]): VersionCountResponse[] {
  const versions = counts.map(toVersion);
  if (versions.length <= MAX_VERSIONS) return versions;
  const commonest = new Set([...versions].sort((a, b) => b.printers - a.printers).slice(0, MAX_VERSIONS));
  const named = versions.filter((version) => commonest.has(version));
  const others = versions.filter((version) => !commonest.has(version));
  return [...named, others.reduce(add, { ...NO_PRINTERS })];
}

const NO_PRINTERS: VersionCountResponse = {
  version: OTHER,
  printers: 0,
  on_target: 0,
  held: 0,
  behind_offline: 0,
  behind_online: 0,
};

function add(sum: VersionCountResponse, other: VersionCountResponse): VersionCountResponse {
  return {
    version: sum.version,
    printers: sum.printers + other.printers,
    on_target: sum.on_target + other.on_target,
    held: sum.held + other.held,
    behind_offline: sum.behind_offline + other.behind_offline,
    behind_online: sum.behind_online + other.behind_online,
  };
}

function toVersion({
  version,
  onTarget,
  held,
  behindOffline,
  behindOnline,
}: VersionCount): VersionCountResponse {
  return {
    version,
    printers: onTarget + held + behindOffline + behindOnline,
    on_target: onTarget,
    held,
    behind_offline: behindOffline,
    behind_online: behindOnline,
  };
}
