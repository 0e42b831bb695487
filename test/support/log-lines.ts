import type { LoggerService } from '@nestjs/common';

/** Keeps the lines of the log. */
export class LogLines implements LoggerService {
  readonly lines: Array<{ context: string; message: string }> = [];

  log(message: unknown, ...rest: unknown[]): void {
    this.lines.push({ context: String(rest.at(-1)), message: String(message) });
  }

  error = this.log.bind(this);
  warn = this.log.bind(this);

  of(context: string): string[] {
    return this.lines.filter((line) => line.context === context).map((line) => line.message);
  }
}
