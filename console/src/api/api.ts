import { reach, request } from './request';
import { keyHeader } from './key';
import type {
  ChangePreview,
  Channel,
  Decision,
  Failures,
  Firmware,
  FleetHistory,
  NewRollout,
  PastUpdate,
  Preview,
  Printer,
  PrinterPage,
  Rollout,
  RolloutStatus,
  RolloutUpdates,
  SigningKey,
  SimulatedFleet,
  SimulatedPrinters,
  Summary,
  TargetState,
  Timeline,
} from './types';

type Query = Record<string, string | number | boolean | null | undefined>;

/** Which row of a version is meant. */
export interface FirmwareRow {
  channel?: Channel | undefined;
  platform?: string | undefined;
}

/** What can be changed of firmware later. */
export interface FirmwareChange {
  release_notes?: string | null;
  changelog?: string | null;
  mandatory?: boolean;
  deprecated?: boolean;
  signature?: string;
}

/** What can be changed of a rollout later. */
export interface RolloutChange {
  status?: 'active' | 'paused' | 'cancelled';
  rollout_percentage?: number;
}

/** The REST API, one function for each request that the console makes. Each throws ApiError. */
export const api = {
  summary: (signal?: AbortSignal) => request<Summary>('GET', '/api/summary', undefined, signal),
  fleetHistory: (hours: number, signal?: AbortSignal) =>
    request<FleetHistory>('GET', url('/api/fleet/history', { hours }), undefined, signal),

  firmware: (signal?: AbortSignal) => request<Firmware[]>('GET', '/api/firmware', undefined, signal),
  changeFirmware: (version: string, row: FirmwareRow, change: FirmwareChange) =>
    request<Firmware>('PATCH', url(`/api/firmware/${encodeURIComponent(version)}`, { ...row }), change),
  deleteFirmware: (version: string, row: FirmwareRow) =>
    request<undefined>('DELETE', url(`/api/firmware/${encodeURIComponent(version)}`, { ...row })),
  promoteFirmware: (version: string, row: FirmwareRow, to: Channel) =>
    request<Firmware[]>('POST', url(`/api/firmware/${encodeURIComponent(version)}/promote`, { ...row }), {
      to,
    }),
  downloadFirmware: async (version: string, row: FirmwareRow): Promise<Blob> => {
    const path = url(`/api/firmware/download/${encodeURIComponent(version)}`, { ...row });
    return (await reach(path, { headers: keyHeader() })).blob();
  },

  signingKeys: (signal?: AbortSignal) =>
    request<{ keys: SigningKey[] }>('GET', '/api/signing-keys', undefined, signal),

  printers: (query: Query, signal?: AbortSignal) =>
    request<PrinterPage>('GET', url('/api/printers', query), undefined, signal),
  printer: (id: string, signal?: AbortSignal) =>
    request<Printer>('GET', `/api/printers/${encodeURIComponent(id)}`, undefined, signal),
  printerUpdates: async (id: string, limit: number, signal?: AbortSignal): Promise<PastUpdate[]> => {
    const path = url(`/api/printers/${encodeURIComponent(id)}/updates`, { limit });
    return (await request<{ updates: PastUpdate[] }>('GET', path, undefined, signal)).updates;
  },
  decision: (id: string, signal?: AbortSignal) =>
    request<Decision>('GET', `/api/printers/${encodeURIComponent(id)}/decision`, undefined, signal),
  changePrinter: (id: string, change: { blocked?: boolean; reset_key?: boolean }) =>
    request<Printer>('PATCH', `/api/printers/${encodeURIComponent(id)}`, change),
  deletePrinter: (id: string) => request<undefined>('DELETE', `/api/printers/${encodeURIComponent(id)}`),

  rollouts: (query: { status?: RolloutStatus; limit?: number; cursor?: number }, signal?: AbortSignal) =>
    request<{ rollouts: Rollout[]; next_cursor: number | null }>(
      'GET',
      url('/api/rollouts', { ...query }),
      undefined,
      signal,
    ),
  rollout: (id: number, signal?: AbortSignal) =>
    request<Rollout>('GET', `/api/rollouts/${id}`, undefined, signal),
  createRollout: (rollout: NewRollout) => request<Rollout>('POST', '/api/rollouts', rollout),
  previewRollout: (rollout: NewRollout, signal?: AbortSignal) =>
    request<Preview>('POST', '/api/rollouts/preview', rollout, signal),
  changeRollout: (id: number, change: RolloutChange) =>
    request<Rollout>('PATCH', `/api/rollouts/${id}`, change),
  previewChange: (id: number, change: RolloutChange, signal?: AbortSignal) =>
    request<ChangePreview>('POST', `/api/rollouts/${id}/preview`, change, signal),
  retryRollout: (id: number) => request<Rollout>('POST', `/api/rollouts/${id}/retry`),
  deleteRollout: (id: number) => request<undefined>('DELETE', `/api/rollouts/${id}`),
  failures: (id: number, signal?: AbortSignal) =>
    request<Failures>('GET', `/api/rollouts/${id}/failures`, undefined, signal),
  rolloutUpdates: (
    id: number,
    query: { status: TargetState; limit: number; cursor?: number | undefined },
    signal?: AbortSignal,
  ) => request<RolloutUpdates>('GET', url(`/api/rollouts/${id}/updates`, { ...query }), undefined, signal),
  timeline: (id: number, signal?: AbortSignal) =>
    request<Timeline>('GET', `/api/rollouts/${id}/timeline`, undefined, signal),

  simulator: (signal?: AbortSignal) => request<SimulatedFleet>('GET', '/api/simulator', undefined, signal),
  simulate: (printers: SimulatedPrinters) => request<SimulatedFleet>('POST', '/api/simulator', printers),
  stopSimulator: () => request<undefined>('DELETE', '/api/simulator'),

  claim: (token: string, name: string) =>
    request<{ key: string }>('POST', '/api/keys/claim', { token, name }),
};

/** A path with those parameters that have a value. */
export function url(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value != null && value !== '');
  const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}
