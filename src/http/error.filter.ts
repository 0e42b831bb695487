import { Catch, HttpException, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import {
  ConflictError,
  CorruptBinaryError,
  ForbiddenError,
  ValidationError,
  NotFoundError,
  RateLimitError,
  UnauthorizedError,
  UnavailableError,
} from '../common/errors.js';
import type { FieldError } from '../common/errors.js';
import { Repeats } from '../common/limits/repeats.js';
import { problem } from './problem.dto.js';
import type { FieldProblem, Problem } from './problem.dto.js';
import { pathOf } from './server/request-target.js';

/** The one place where errors become HTTP responses: RFC 9457 problem details. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Error');
  private readonly unavailable = new Repeats();

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const response = http.getResponse<Response>();
    // The client disconnected in the middle of its request: there is nobody to answer.
    if (response.destroyed) return;
    const answer = toProblem(isBadlyEncoded(error) ? badPath(http.getRequest<Request>()) : error);
    if (answer.status === 503) response.setHeader('Retry-After', '5');
    if (error instanceof RateLimitError) response.setHeader('Retry-After', String(error.retryAfter));
    this.log(error, answer.status);
    // The body has begun (a download that broke off): no status can be sent any more, so close the connection visibly.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // RFC 9110 §11.6.1: a 401 says how to authenticate.
    if (error instanceof UnauthorizedError) {
      const scheme = error.inBrowser ? 'Basic' : 'Bearer';
      response.setHeader('WWW-Authenticate', `${scheme} realm="PaperMinder"`);
    }
    response.status(answer.status).type('application/problem+json').send(JSON.stringify(answer));
  }

  private log(error: unknown, status: number): void {
    if (status < 500) return;
    // Refused clients may retry in a loop. Without a stack: the request met a state of the server, as every other one does meanwhile.
    if (error instanceof UnavailableError)
      this.unavailable.run(error.message, () => this.logger.warn(error.message));
    else if (status === 503) this.unavailable.run(String(error), () => this.logger.error(String(error)));
    else this.logger.error(error instanceof Error ? (error.stack ?? error) : error);
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof NotFoundError) return problem(404, error.message);
  if (error instanceof ConflictError) return problem(409, error.message);
  if (error instanceof UnauthorizedError) return problem(401, error.message);
  if (error instanceof ForbiddenError) return problem(403, error.message);
  if (error instanceof RateLimitError) return problem(429, error.message);
  if (error instanceof UnavailableError) return problem(503, error.message);
  if (error instanceof CorruptBinaryError) return problem(500, error.message);
  if (error instanceof ValidationError)
    return { ...problem(400, error.message), errors: error.errors.map(toFieldProblem) };
  if (hasCode(error, DATABASE_TROUBLE))
    return problem(503, 'The database cannot be used at the moment; try again later');
  if (hasCode(error, DISK_TROUBLE))
    return problem(503, 'The disk is full or cannot be used at the moment; try again later');
  if (error instanceof HttpException)
    return badRequest(problem(error.getStatus(), error.message), error.cause);
  // Errors of Express's own middleware (a broken JSON body, a body that is too long) carry a status below 500.
  const status = middlewareStatus(error);
  if (status !== null && error instanceof Error) return badRequest(problem(status, error.message), error);
  return problem(500, 'The server failed to answer this request; its log says why');
}

// Errors of the database for which the request is not to blame: locked, read-only, full, failing or damaged. PostgreSQL's (appendix A):
// insufficient resources, read-only, lock not available, system error.
const DATABASE_TROUBLE =
  /^(?:SQLITE_(?:BUSY|LOCKED|READONLY|FULL|IOERR|CANTOPEN|CORRUPT|NOTADB)|53...$|25006$|55P03$|58...$)/;

// The same for the disk: full, read-only or failing, or too many open files.
const DISK_TROUBLE = /^(?:ENOSPC|EDQUOT|EROFS|EIO|EMFILE|ENFILE)$/;

function hasCode(error: unknown, codes: RegExp): boolean {
  // TypeORM wraps the driver's errors, and keeps their code.
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    codes.test(error.code)
  );
}

function toFieldProblem({ field, value, message }: FieldError): FieldProblem {
  return { field, value: value ?? null, message };
}

/** True if Express could not decode the path. */
function isBadlyEncoded(error: unknown): boolean {
  return error instanceof HttpException && error.cause instanceof URIError;
}

function badPath(request: Request): ValidationError {
  return ValidationError.field(
    'path',
    pathOf(request),
    'path must be UTF-8, percent-encoded (RFC 3986 §2.1)',
  );
}

/** Names the field of a request that could not even be parsed: multer knows it, a JSON parser does not. */
function badRequest(refusal: Problem, cause: unknown): Problem {
  if (refusal.status !== 400) return refusal;
  const known = typeof cause === 'object' && cause !== null && 'field' in cause ? cause.field : undefined;
  const field = typeof known === 'string' ? known : 'body';
  return { ...refusal, errors: [{ field, value: null, message: refusal.detail }] };
}

function middlewareStatus(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('status' in error)) return null;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
