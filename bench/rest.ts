import { randomBytes } from 'node:crypto';
import { isRecord } from './ipc.js';

/** A rollout as the server answers it, as far as the benchmark looks at it. */
export interface RolloutState {
  id: number;
  status: string;
  total_targets: number;
  pending_count: number;
  in_progress_count: number;
  completed_count: number;
  failed_count: number;
  declined_count: number;
}

/** True once the server answers. */
export async function isAlive(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/live`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** Calls the API of the server. */
export async function request(
  port: number,
  method: string,
  path: string,
  body?: object,
  key?: string,
): Promise<unknown> {
  const isForm = body instanceof FormData;
  const headers = new Headers();
  if (body !== undefined && !isForm) headers.set('content-type', 'application/json');
  if (key !== undefined) headers.set('x-api-key', key);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers,
    body: isForm ? body : body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** Makes the first key of a server: from now on it asks for one. */
export async function createKey(port: number): Promise<string> {
  const answer = await request(port, 'POST', '/api/keys', { name: 'bench', scopes: ['admin'] });
  if (!isRecord(answer) || typeof answer.key !== 'string') throw new Error('No key was answered');
  return answer.key;
}

/** Uploads a build for every board; random bytes. */
export async function upload(port: number, version: string, bytes = 20_000, key?: string): Promise<void> {
  const form = new FormData();
  const image = new Uint8Array(randomBytes(bytes));
  // What a real image begins with (printer protocol, "Download").
  image[0] = 0xe9;
  form.set('file', new Blob([image]), 'firmware.bin');
  form.set('version', version);
  form.set('channel', 'stable');
  await request(port, 'POST', '/api/firmware/upload', form, key);
}

/** Creates a rollout; immediate and to all, unless said otherwise. */
export async function createRollout(
  port: number,
  version: string,
  body: object = {},
  key?: string,
): Promise<RolloutState> {
  const wanted = { firmware_version: version, target: { all: true }, rollout_type: 'immediate', ...body };
  return toState(await request(port, 'POST', '/api/rollouts', wanted, key));
}

/** Changes a rollout. */
export async function changeRollout(port: number, id: number, change: object): Promise<RolloutState> {
  return toState(await request(port, 'PATCH', `/api/rollouts/${id}`, change));
}

/** Reads a rollout. */
export async function readRollout(port: number, id: number): Promise<RolloutState> {
  return toState(await request(port, 'GET', `/api/rollouts/${id}`));
}

function toState(body: unknown): RolloutState {
  if (!isRecord(body)) throw new Error(`No rollout: ${JSON.stringify(body)}`);
  const count = (field: string): number => Number(body[field]);
  return {
    id: count('id'),
    status: String(body.status),
    total_targets: count('total_targets'),
    pending_count: count('pending_count'),
    in_progress_count: count('in_progress_count'),
    completed_count: count('completed_count'),
    failed_count: count('failed_count'),
    declined_count: count('declined_count'),
  };
}
