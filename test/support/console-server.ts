import { BUILT_CONSOLE, build } from './program.js';
import { TestServer } from './server.js';

/** Starts a server that serves the console as it is built for users. */
export async function startConsoleServer(settings: Record<string, string> = {}): Promise<TestServer> {
  await build();
  return TestServer.start(settings, false, BUILT_CONSOLE);
}
