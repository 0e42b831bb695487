import { UnavailableError } from './errors.js';
import { ConfigError } from '../config/config.js';
import { UnreadableSettingsError } from '../config/environment.js';

/** A program cannot start because of something that the operator can fix; the message explains it in one line. */
export class StartupError extends Error {}

const SAID_IN_ONE_LINE = [ConfigError, StartupError, UnreadableSettingsError] as const;

/**
 * Explains why a program failed.
 *
 * @param failed start of the line, e.g. "The server cannot start"
 * @returns one line if the operator can fix it (a setting, a port in use, a folder that cannot be written), else the stack
 */
export function explainFailure(error: unknown, failed: string): string {
  if (SAID_IN_ONE_LINE.some((type) => error instanceof type)) return (error as Error).message;
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UnavailableError) return `${failed}: ${error.message}`;
  // Errors of the operating system and SQLite have a code; anything else is a bug.
  if (!('code' in error)) return error.stack ?? error.message;
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') return `${failed}: port ${port} is in use by another program`;
  return `${failed}: ${error.message.replace(/\s*\n\s*/g, ' ')}`;
}
