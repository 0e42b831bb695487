import { signal } from '@preact/signals';
import { keyHeader } from './key';
import type { Problem } from './types';

/** What the server said instead of an answer, in its own words. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  get status(): number {
    return this.problem.status;
  }

  /** What is wrong with one field of what was sent; null where nothing is said of it. */
  of(field: string): string | null {
    return this.problem.errors?.find((error) => error.field === field)?.message ?? null;
  }
}

/** The server's words when it asked for a key that counts; null while it has not. */
export const keyWanted = signal<string | null>(null);

/** Sends a request and parses the answer. Throws ApiError where the server refuses, or cannot be reached. */
export async function request<T>(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await reach(path, {
    method,
    headers: { ...keyHeader(), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** Sends a request, and leaves the answer as it comes. */
export async function reach(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ title: 'Unreachable', status: 0, detail: 'The server cannot be reached.' });
  }
  if (!response.ok) throw refusal(response.status, await response.text());
  return response;
}

/** Reads what the server says of an answer that is no success. */
export function refusal(status: number, text: string): ApiError {
  const error = new ApiError(problemOf(status, text));
  if (status === 401) keyWanted.value = error.message;
  return error;
}

function problemOf(status: number, text: string): Problem {
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    if (typeof problem.detail === 'string') return { title: '', status, ...problem, detail: problem.detail };
  } catch {
    // Not the server itself has answered, but a proxy in front of it.
  }
  return { title: '', status, detail: `The server answered ${status}.` };
}
