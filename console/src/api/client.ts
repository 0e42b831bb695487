import createClient from 'openapi-fetch';
import { keyHeader } from './key';
import { root } from '../ui/root';
import { ApiError, problem, reach } from './request';
import type { paths } from './schema';

/** The REST API by its OpenAPI document: paths, parameters, bodies and answers are checked by the compiler. */
export const client = createClient<paths>({ baseUrl: location.origin + root, fetch: withKey });

function withKey(request: Request): Promise<Response> {
  for (const [name, value] of Object.entries(keyHeader())) request.headers.set(name, value);
  return reach(request);
}

/** The answer of a request that has succeeded; whatever else there is, `reach` has thrown. */
export async function answer<T>(sent: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data, response } = await sent;
  if (data === undefined && response.status !== 204)
    throw new ApiError(problem(response.status, 'The server answered nothing.'));
  return data as T;
}
