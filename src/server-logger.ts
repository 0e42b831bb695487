import { ConsoleLogger } from '@nestjs/common';
import type { LogLevel } from '@nestjs/common';
import type { AppConfig } from './config/config.js';

const LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
// Contexts whose info lines are suppressed: about fifty at every start, which only repeat the code.
const FRAMEWORK_CONTEXTS: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);
// Line breaks, terminal control characters, and characters that reverse the text direction (UAX #9 §2): texts from printers contain them,
// and must not be able to forge log lines.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The log: text for a person at a terminal, else one JSON object per line. */
export class ServerLogger extends ConsoleLogger {
  constructor(config: AppConfig) {
    const json = config.logFormat === 'auto' ? !process.stdout.isTTY : config.logFormat === 'json';
    super({ json, logLevels: LEVELS.slice(0, LEVELS.indexOf(config.logLevel) + 1) });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!FRAMEWORK_CONTEXTS.has(rest.at(-1))) super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    // The frameworks' own messages, with a stack, for errors at startup: main.ts logs these in one line.
    const context: unknown = rest.at(-1);
    if (context === 'ExceptionHandler') return;
    if (context === 'TypeOrmModule' && String(message).startsWith('Unable to connect')) return;
    super.error(message, ...rest);
  }

  protected override stringifyMessage(message: unknown, logLevel: LogLevel): string {
    if (typeof message !== 'string') return super.stringifyMessage(message, logLevel);
    // An error's stack keeps its lines for readability; they are indented, so that none looks like an entry.
    const lines = logLevel === 'error' || logLevel === 'fatal' ? message.split('\n') : [message];
    return super.stringifyMessage(lines.map(escapeUnprintable).join('\n  '), logLevel);
  }

  protected override stringifyJsonLogObject(logObject: Record<string, unknown>): string {
    // JSON leaves some of these characters as they are; escaped, they mean the same.
    return escapeUnprintable(super.stringifyJsonLogObject(logObject));
  }
}

function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
