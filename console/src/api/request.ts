import { signal } from '@preact/signals';
import type { Problem } from './types';

/** An error response, in the server's own words. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }

  /** The HTTP status; 0 if there was no response. */
  get status(): number {
    return this.problem.status;
  }

  /** What is wrong with one field of what was sent; null if nothing is said of it. */
  of(field: string): string | null {
    return this.problem.errors?.find((error) => error.field === field)?.message ?? null;
  }
}

/** The server's words when it asked for a key that counts; null while it has not. */
export const keyWanted = signal<string | null>(null);

/** True once the server has answered what it answers to those who may manage it. */
export const wasLetIn = signal(false);

/** Sends a request; throws ApiError if the server refuses it or cannot be reached. */
export async function reach(request: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(problem(0, 'The server cannot be reached.'));
  }
  if (!response.ok) throw refusal(response.status, await response.text());
  wasLetIn.value = true;
  return response;
}

/** Reads what the server says of an answer that is no success. */
export function refusal(status: number, text: string): ApiError {
  const error = new ApiError(problemOf(status, text));
  if (status === 401) keyWanted.value = error.message;
  return error;
}

/** A problem that this page names itself. */
export function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: '', status, detail };
}

function problemOf(status: number, text: string): Problem {
  try {
    const read = JSON.parse(text) as Partial<Problem>;
    if (typeof read.detail === 'string') return { ...problem(status, read.detail), ...read };
  } catch {
    // The response is not from the server itself, but from a proxy in front of it.
  }
  return problem(status, `The server answered ${status}.`);
}
