import type { NextFunction, Request, RequestHandler, Response } from 'express';

/** Composes handlers into a single Express layer, because each layer costs every request as much as a small query. */
export function composeMiddleware(handlers: readonly RequestHandler[]): RequestHandler {
  return (request, response, next) => runFrom(0, handlers, request, response, next);
}

function runFrom(
  index: number,
  handlers: readonly RequestHandler[],
  request: Request,
  response: Response,
  next: NextFunction,
): void {
  const handler = handlers[index];
  if (handler === undefined) {
    next();
    return;
  }
  void handler(request, response, (error?: unknown) => {
    if (error === undefined) runFrom(index + 1, handlers, request, response, next);
    else next(error);
  });
}
