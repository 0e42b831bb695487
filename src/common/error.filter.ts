import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { Conflict, Invalid, NotFound, Unavailable } from './errors.js';
import type { Problem } from './problem.dto.js';

/** The one place where errors become HTTP answers: RFC 9457 problem details. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Error');

  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const problem = toProblem(error);
    if (problem.status >= 500) this.logger.error(error instanceof Error ? (error.stack ?? error) : error);
    // The body has begun (a download that broke off): no status can be sent any more, so end it visibly.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof NotFound) return problem(404, error.message);
  if (error instanceof Conflict) return problem(409, error.message);
  if (error instanceof Unavailable) return problem(503, error.message);
  if (error instanceof Invalid) return { ...problem(400, error.message), errors: [...error.errors] };
  if (error instanceof HttpException) return problem(error.getStatus(), error.message);
  // Errors of express's own middleware (a broken JSON body, a body that is too long) carry a status below 500.
  const status = middlewareStatus(error);
  if (status !== null && error instanceof Error) return problem(status, error.message);
  return problem(500, 'The server failed to answer this request; its log says why');
}

function middlewareStatus(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('status' in error)) return null;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}
