import { randomBytes, randomUUID } from 'node:crypto';
import type { UploadResponse } from '../../src/firmware/firmware-response.dto.js';
import type { PrinterResponse } from '../../src/printer/printer.dto.js';
import type { RolloutResponse } from '../../src/rollout/http/dto/rollout-response.dto.js';
import type { HistoryResponse, UpdateResponse } from '../../src/rollout/http/dto/update.dto.js';
import { VirtualPrinter } from '../../src/simulator/virtual-printer.js';
import type { VirtualPrinterOptions } from '../../src/simulator/virtual-printer.js';
import { eventually } from './eventually.js';
import type { Answer, Reachable } from './server.js';

/** What is wrong, as the server answers it. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: Array<{ field: string; value: unknown; message: string }>;
}

/** A form with a firmware binary and fields. */
export function uploadForm(
  fields: Record<string, string>,
  bytes: Uint8Array<ArrayBuffer> = binary(),
): FormData {
  const form = new FormData();
  form.set('file', new Blob([bytes]), 'firmware.bin');
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

/** A small firmware image that nothing else is like. */
export function binary(size = 2_000): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(randomBytes(size));
  bytes[0] = 0xe9;
  return bytes;
}

/** Uploads a build that must be accepted. */
export async function upload(
  server: Reachable,
  version: string,
  fields: Record<string, string> = {},
  bytes?: Uint8Array<ArrayBuffer>,
): Promise<UploadResponse> {
  const form = uploadForm({ version, ...fields }, bytes);
  return expectStatus(await server.request<UploadResponse>('POST', '/api/firmware/upload', form), 201);
}

/** Creates a rollout that must be accepted; immediate and to all, unless said otherwise. */
export async function roll(server: Reachable, version: string, body: object = {}): Promise<RolloutResponse> {
  const wanted = { firmware_version: version, target: { all: true }, rollout_type: 'immediate', ...body };
  return expectStatus(await server.request<RolloutResponse>('POST', '/api/rollouts', wanted), 201);
}

/** Reads a rollout; fails where its counters do not add up. */
export async function rollout(server: Reachable, id: number): Promise<RolloutResponse> {
  const state = expectStatus(await server.request<RolloutResponse>('GET', `/api/rollouts/${id}`), 200);
  const sum = countersIn(state).reduce((total, count) => total + count, 0);
  const due = state.due_pending_count + sum - state.pending_count;
  if (state.total_targets !== sum || state.due_count !== due || state.due_pending_count > state.pending_count)
    throw new Error(`The counters do not add up: ${JSON.stringify(state)}`);
  return state;
}

/** Changes a rollout; the change must be accepted. */
export async function patch(server: Reachable, id: number, body: object): Promise<RolloutResponse> {
  return expectStatus(await server.request<RolloutResponse>('PATCH', `/api/rollouts/${id}`, body), 200);
}

/** The five counters: pending, in progress, completed, failed, declined. */
export async function counts(server: Reachable, id: number): Promise<number[]> {
  return countersIn(await rollout(server, id));
}

function countersIn(state: RolloutResponse): number[] {
  return [
    state.pending_count,
    state.in_progress_count,
    state.completed_count,
    state.failed_count,
    state.declined_count,
  ];
}

/** The history of a printer, the newest first. */
export async function history(
  server: Reachable,
  printer: number | string,
  query = '',
): Promise<UpdateResponse[]> {
  const answer = await server.request<HistoryResponse>('GET', `/api/printers/${printer}/updates${query}`);
  return expectStatus(answer, 200).updates;
}

/** What the server knows of a printer. */
export async function details(server: Reachable, printer: number | string): Promise<PrinterResponse> {
  return expectStatus(await server.request<PrinterResponse>('GET', `/api/printers/${printer}`), 200);
}

/** A virtual printer that has not connected yet; quick, unlike a board. A `TestServer` stops it when it stops itself. */
export function printer(server: Reachable, options: Partial<VirtualPrinterOptions> = {}): VirtualPrinter {
  const virtual = new VirtualPrinter({
    server: server.url,
    uuid: randomUUID(),
    userId: randomUUID(),
    name: 'Front Desk',
    version: '1.4.0',
    rebootMs: 20,
    reconnectMs: 20,
    ...options,
  });
  server.printers?.push(virtual);
  return virtual;
}

/** A virtual printer that has subscribed. */
export async function connected(
  server: Reachable,
  options: Partial<VirtualPrinterOptions> = {},
): Promise<VirtualPrinter> {
  const virtual = printer(server, options).start();
  await eventually('the printer has subscribed', () => virtual.subscribed);
  return virtual;
}

/** A virtual printer that the server knows, and that is offline; it leaves updates unanswered. */
export async function offline(
  server: Reachable,
  options: Partial<VirtualPrinterOptions> = {},
): Promise<VirtualPrinter> {
  const virtual = await connected(server, { behaviour: 'hang', ...options });
  await virtual.stop();
  await eventually('it is offline', async () => !(await details(server, virtual.options.uuid)).online);
  return virtual;
}

/** Stops a printer, and starts it with another version; resolves when the server has handled its subscribe. */
export async function comeBack(virtual: VirtualPrinter, version: string): Promise<void> {
  await virtual.stop();
  virtual.version = version;
  virtual.start();
  await eventually('it has subscribed', () => virtual.subscribed);
  await handled(virtual);
}

/** Waits until everything that a subscribed printer has sent so far has been handled. */
export async function handled(virtual: VirtualPrinter): Promise<void> {
  // Messages are handled in order: the answer to a last one, which is nonsense, stands behind all the others.
  const errors = (): number =>
    virtual.received.filter((message) => message.code === 'validation_error').length;
  const before = errors();
  if (!virtual.subscribed) return;
  virtual.send({ kind: 'ping' });
  await eventually('the answer to the last message', () => errors() > before || !virtual.subscribed);
}

/** Fails where the answer is another one than expected, and says what it was. */
export function expectStatus<T>(answer: Answer<T>, status: number): T {
  if (answer.status !== status) {
    throw new Error(`Expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}
