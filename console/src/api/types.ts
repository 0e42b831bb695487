export type Channel = 'stable' | 'beta' | 'canary';
export type RolloutStatus = 'scheduled' | 'active' | 'paused' | 'completed' | 'cancelled';
export type UpdateStatus = 'in_progress' | 'completed' | 'failed' | 'declined';
export type TargetState = 'pending' | UpdateStatus;

export interface VersionCount {
  version: string;
  printers: number;
  on_target: number;
  held: number;
  behind_offline: number;
  behind_online: number;
}

export interface Summary {
  at: string;
  version: string;
  simulator: boolean;
  printers: { total: number; online: number };
  updates: {
    in_progress: number;
    completed_last_day: number;
    failed_last_day: number;
    declined_last_day: number;
  };
  rollouts: Record<RolloutStatus, number>;
  firmware: number;
  counted_at: string;
  versions: VersionCount[];
}

export interface FleetHistory {
  versions: string[];
  points: Array<{ at: string; online: number; printers: number[] }>;
}

export interface Firmware {
  id: number;
  version: string;
  channel: Channel;
  platform: string | null;
  file_size: number;
  md5_checksum: string;
  sha256_checksum: string;
  signature: string | null;
  signing_key_fingerprint: string | null;
  release_notes: string | null;
  changelog: string | null;
  mandatory: boolean;
  min_upgrade_version: string | null;
  released_at: string;
  deprecated_at: string | null;
  download_count: number;
  success_count: number;
  failure_count: number;
}

export interface SigningKey {
  id: number;
  name: string;
  fingerprint: string;
  created_at: string;
  removed_at: string | null;
}

export interface Rollout {
  id: number;
  firmware_version: string;
  firmware_version_id: number | null;
  target: {
    all: boolean;
    user_ids: string[] | null;
    printer_ids: string[] | null;
    channels: Channel[] | null;
    min_version: string | null;
    max_version: string | null;
  };
  rollout_type: 'immediate' | 'gradual' | 'scheduled';
  rollout_percentage: number;
  allow_downgrade: boolean;
  scheduled_for: string | null;
  status: RolloutStatus;
  created_at: string;
  total_targets: number;
  pending_count: number;
  in_progress_count: number;
  completed_count: number;
  failed_count: number;
  declined_count: number;
}

export interface Printer {
  id: number;
  uuid: string;
  name: string;
  user_id: string;
  platform: string | null;
  firmware_version: string;
  auto_update: boolean;
  update_channel: Channel;
  online: boolean;
  blocked: boolean;
  has_key: boolean;
  last_connected: string;
  last_ip: string | null;
  created_at: string;
}

export interface PrinterPage {
  printers: Printer[];
  total: number;
  next_cursor: number | string | null;
}

export interface PastUpdate {
  id: number | null;
  rollout_id: number | null;
  printer_id: string;
  firmware_version: string;
  status: TargetState;
  error_message: string | null;
  started_at: string | null;
  completed_at: string | null;
  last_percent: number | null;
  last_status_message: string | null;
}

export interface Decision {
  printer_id: string;
  firmware_version: string;
  online: boolean;
  blocked: boolean;
  send: boolean;
  rollout_id: number | null;
  target_version: string | null;
  reason: string | null;
  description: string | null;
  bucket: number;
  rollouts: Array<{
    rollout_id: number;
    firmware_version: string;
    status: RolloutStatus;
    rollout_percentage: number;
    due: boolean;
    reason: string | null;
    description: string | null;
  }>;
}

export interface NewRollout {
  firmware_version: string;
  target: {
    all?: boolean;
    user_ids?: string[];
    printer_ids?: string[];
    channels?: Channel[];
    min_version?: string;
    max_version?: string;
  };
  rollout_type: 'immediate' | 'gradual' | 'scheduled';
  rollout_percentage?: number;
  scheduled_for?: string;
  allow_downgrade?: boolean;
}

export interface Counted {
  reason: string;
  description: string;
  printers: number;
}

export interface Preview {
  firmware_version: string;
  printers: number;
  matching: number;
  now: number;
  by_version: Array<{ version: string; matching: number; now: number }>;
  left_out: Counted[];
  waiting: Counted[];
}

export interface ChangePreview {
  now: number;
  in_progress: number;
  pending: number;
}

export interface Failures {
  total: number;
  failures: Array<{
    message: string;
    count: number;
    printers: Array<{ id: number; uuid: string; name: string }>;
  }>;
}

export interface RolloutUpdates {
  updates: Array<{
    id: number | null;
    printer: { id: number; uuid: string; name: string; online: boolean };
    status: TargetState;
    error_message: string | null;
    started_at: string | null;
    completed_at: string | null;
    last_percent: number | null;
    last_status_message: string | null;
    attempts: number;
  }>;
  total: number;
  next_cursor: number | null;
}

export interface Timeline {
  points: Array<{
    at: string;
    status: RolloutStatus;
    pending: number;
    in_progress: number;
    completed: number;
    failed: number;
    declined: number;
  }>;
}

export interface SimulatedFleet {
  limit: number;
  printers: Array<{
    uuid: string;
    name: string;
    state: string;
    firmware_version: string;
    percent: number | null;
  }>;
}

export interface SimulatedPrinters {
  printers: number;
  version?: string;
  channel?: Channel;
  fail?: number;
  decline?: number;
  hang?: number;
  roll_back?: number;
}

export interface Problem {
  title: string;
  status: number;
  detail: string;
  errors?: Array<{ field: string; value?: unknown; message: string }>;
}
