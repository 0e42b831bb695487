import { Logger } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const logger = new Logger('HTTP');

/** Middleware: one log line a request, when its answer is finished or its client has gone. */
export function requestLog(request: Request, response: Response, next: NextFunction): void {
  const begun = process.hrtime.bigint();
  response.once('close', () => {
    const milliseconds = Number((process.hrtime.bigint() - begun) / 1_000_000n);
    const outcome = response.writableFinished
      ? String(response.statusCode)
      : `${response.statusCode} aborted`;
    logger.log(`${request.method} ${request.originalUrl} ${outcome} ${milliseconds} ms ${request.ip ?? '-'}`);
  });
  next();
}
