import { ConsoleLogger } from '@nestjs/common';
import type { LogLevel } from '@nestjs/common';
import type { AppConfig } from './config/config.js';

const LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
// Half a hundred lines at every start, which say what stands in the code.
const FRAMEWORK_CONTEXTS: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);
// What ends a line somewhere, commands a terminal, or turns the order of letters round (UAX #9 §2): printers send such texts, and
// whoever sends them must not write lines of the log.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The log: text for a person at a terminal, one JSON object a line for everything else. */
export class ServerLogger extends ConsoleLogger {
  constructor(config: AppConfig) {
    const json = config.logFormat === 'auto' ? !process.stdout.isTTY : config.logFormat === 'json';
    super({ json, logLevels: LEVELS.slice(0, LEVELS.indexOf(config.logLevel) + 1) });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!FRAMEWORK_CONTEXTS.has(rest.at(-1))) super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    // The frameworks' own words, with a stack, for what keeps the server from starting: main.ts says it in one line.
    const context: unknown = rest.at(-1);
    if (context === 'ExceptionHandler') return;
    if (context === 'TypeOrmModule' && String(message).startsWith('Unable to connect')) return;
    super.error(message, ...rest);
  }

  protected override stringifyMessage(message: unknown, logLevel: LogLevel): string {
    if (typeof message !== 'string') return super.stringifyMessage(message, logLevel);
    // The stack of an error has lines, for a person to read: indented, none of them looks like an entry.
    const lines = logLevel === 'error' || logLevel === 'fatal' ? message.split('\n') : [message];
    return super.stringifyMessage(lines.map(escapeUnprintable).join('\n  '), logLevel);
  }

  protected override stringifyJsonLogObject(logObject: Record<string, unknown>): string {
    // JSON leaves some of them as they are; escaped, they mean the same.
    return escapeUnprintable(super.stringifyJsonLogObject(logObject));
  }
}

function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
