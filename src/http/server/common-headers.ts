import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import cors from 'cors';
import { AppConfig } from '../../config/config.js';
import { apiHeaders } from './security-headers.js';

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** The headers that every answer of the API has, for answers that are given without Express. */
@Injectable()
export class CommonHeaders {
  /** Names and values in turn, as `writeHead` takes them. */
  readonly list: readonly string[];
  /** Allows pages of other origins to read answers, if the settings say so. */
  readonly cors: Middleware;

  constructor({ corsAllowedOrigins }: AppConfig) {
    this.cors = cors({ origin: corsAllowedOrigins === '*' ? '*' : [...corsAllowedOrigins] });
    this.list = headersSetBy([this.cors, apiHeaders]);
  }

  /** True if nothing in a request calls for other headers, a key to be checked, or a body to be read. */
  areEnoughFor({ headers }: IncomingMessage): boolean {
    return ELSEWHERE.every((name) => headers[name] === undefined);
  }
}

const ELSEWHERE = ['origin', 'authorization', 'x-api-key', 'content-length', 'transfer-encoding'];

/** Asks the middleware itself, so that no header stands in two places. */
function headersSetBy(middleware: readonly Middleware[]): string[] {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const set = new Map<string, string>();
  response.setHeader = (name, value) => {
    set.set(name, String(value));
    return response;
  };
  for (const handle of middleware) handle(request, response, () => undefined);
  return [...set].flat();
}
