import { answer, client } from './client';
import type {
  Channel,
  FirmwareChange,
  NewRollout,
  PastUpdate,
  RegistrationStatus,
  RollbackRequest,
  RolloutChange,
  RolloutStatus,
  SimulatedPrinters,
  TargetState,
} from './types';
import type { paths } from './schema';

/** Which row of a version is meant. */
export interface FirmwareRow {
  channel?: Channel;
  platform?: string;
}

/** Narrows, orders and pages a list of printers. */
export type PrinterQuery = NonNullable<paths['/api/printers']['get']['parameters']['query']>;

/** The REST API, one function for each request that the console makes. Each throws ApiError. */
export const api = {
  fleetHistory: (hours: number, signal?: AbortSignal) =>
    answer(client.GET('/api/fleet/history', { params: { query: { hours } }, ...stop(signal) })),

  firmware: (signal?: AbortSignal) => answer(client.GET('/api/firmware', stop(signal))),
  summary: () => answer(client.GET('/api/summary')),
  changeFirmware: (version: string, row: FirmwareRow, body: FirmwareChange) =>
    answer(client.PATCH('/api/firmware/{version}', { params: { path: { version }, query: row }, body })),
  deleteFirmware: (version: string, row: FirmwareRow) =>
    answer(client.DELETE('/api/firmware/{version}', { params: { path: { version }, query: row } })),
  promoteFirmware: (version: string, row: FirmwareRow, to: Channel) =>
    answer(
      client.POST('/api/firmware/{version}/promote', {
        params: { path: { version }, query: row },
        body: { to },
      }),
    ),
  downloadFirmware: (version: string, row: FirmwareRow): Promise<Blob> =>
    answer(
      client.GET('/api/firmware/download/{version}', {
        params: { path: { version }, query: row },
        parseAs: 'blob',
      }),
    ),

  signingKeys: (signal?: AbortSignal) => answer(client.GET('/api/signing-keys', stop(signal))),

  printers: (query: PrinterQuery, signal?: AbortSignal) =>
    answer(client.GET('/api/printers', { params: { query }, ...stop(signal) })),
  printer: (id: string, signal?: AbortSignal) =>
    answer(client.GET('/api/printers/{printer_id}', { ...printer(id), ...stop(signal) })),
  printerUpdates: async (id: string, limit: number, signal?: AbortSignal): Promise<PastUpdate[]> => {
    const params = { ...printer(id).params, query: { limit } };
    return (await answer(client.GET('/api/printers/{printer_id}/updates', { params, ...stop(signal) })))
      .updates;
  },
  decision: (id: string, signal?: AbortSignal) =>
    answer(client.GET('/api/printers/{printer_id}/decision', { ...printer(id), ...stop(signal) })),
  changePrinter: (id: string, body: { blocked?: boolean; reset_key?: boolean }) =>
    answer(client.PATCH('/api/printers/{printer_id}', { ...printer(id), body })),
  abortUpdate: (id: string, update: number) =>
    answer(client.POST('/api/printers/{printer_id}/updates/{update_id}/abort', printerUpdate(id, update))),
  retryUpdate: (id: string, update: number) =>
    answer(client.POST('/api/printers/{printer_id}/updates/{update_id}/retry', printerUpdate(id, update))),
  deletePrinter: (id: string) => answer(client.DELETE('/api/printers/{printer_id}', printer(id))),

  rollouts: (query: { status?: RolloutStatus; limit?: number; cursor?: number }, signal?: AbortSignal) =>
    answer(client.GET('/api/rollouts', { params: { query }, ...stop(signal) })),
  rollout: (id: number, signal?: AbortSignal) =>
    answer(client.GET('/api/rollouts/{rollout_id}', { ...rollout(id), ...stop(signal) })),
  createRollout: (body: NewRollout) => answer(client.POST('/api/rollouts', { body })),
  previewRollout: (body: NewRollout, signal?: AbortSignal) =>
    answer(client.POST('/api/rollouts/preview', { body, ...stop(signal) })),
  changeRollout: (id: number, body: RolloutChange) =>
    answer(client.PATCH('/api/rollouts/{rollout_id}', { ...rollout(id), body })),
  previewChange: (id: number, body: RolloutChange, signal?: AbortSignal) =>
    answer(client.POST('/api/rollouts/{rollout_id}/preview', { ...rollout(id), body, ...stop(signal) })),
  retryRollout: (id: number) => answer(client.POST('/api/rollouts/{rollout_id}/retry', rollout(id))),
  deleteRollout: (id: number) => answer(client.DELETE('/api/rollouts/{rollout_id}', rollout(id))),
  failures: (id: number, signal?: AbortSignal) =>
    answer(client.GET('/api/rollouts/{rollout_id}/failures', { ...rollout(id), ...stop(signal) })),
  rolloutUpdates: (
    id: number,
    query: { status: TargetState; limit: number; cursor?: number },
    signal?: AbortSignal,
  ) => {
    const params = { ...rollout(id).params, query };
    return answer(client.GET('/api/rollouts/{rollout_id}/updates', { params, ...stop(signal) }));
  },
  timeline: (id: number, signal?: AbortSignal) =>
    answer(client.GET('/api/rollouts/{rollout_id}/timeline', { ...rollout(id), ...stop(signal) })),

  simulator: (signal?: AbortSignal) => answer(client.GET('/api/simulator', stop(signal))),
  simulate: (body: SimulatedPrinters) => answer(client.POST('/api/simulator', { body })),
  stopSimulator: () => answer(client.DELETE('/api/simulator')),

  whoAmI: () => answer(client.GET('/api/whoami')),

  registrations: (
    query: { status: RegistrationStatus; limit: number; cursor?: number },
    signal?: AbortSignal,
  ) => answer(client.GET('/api/registrations', { params: { query }, ...stop(signal) })),
  decideRegistration: (id: string, status: RegistrationStatus) =>
    answer(client.PATCH('/api/registrations/{printer_id}', { ...printer(id), body: { status } })),
  forgetRegistration: (id: string) => answer(client.DELETE('/api/registrations/{printer_id}', printer(id))),

  rollback: (version: string, signal?: AbortSignal) =>
    answer(
      client.GET('/api/firmware/{version}/rollback', { params: { path: { version } }, ...stop(signal) }),
    ),
  previewRollback: (version: string, body: RollbackRequest, signal?: AbortSignal) =>
    answer(
      client.POST('/api/firmware/{version}/rollback/preview', {
        params: { path: { version } },
        body,
        ...stop(signal),
      }),
    ),
  rollBack: (version: string, body: RollbackRequest) =>
    answer(client.POST('/api/firmware/{version}/rollback', { params: { path: { version } }, body })),

  claim: (token: string, name: string) => answer(client.POST('/api/keys/claim', { body: { token, name } })),
};

function printer(id: string): { params: { path: { printer_id: string } } } {
  return { params: { path: { printer_id: id } } };
}

function printerUpdate(
  id: string,
  update: number,
): { params: { path: { printer_id: string; update_id: number } } } {
  return { params: { path: { printer_id: id, update_id: update } } };
}

function rollout(id: number): { params: { path: { rollout_id: number } } } {
  return { params: { path: { rollout_id: id } } };
}

function stop(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
