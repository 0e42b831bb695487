import { StopSignals } from './common/stop-signals.js';
import { explainFailure } from './common/startup-error.js';
import { AppConfig } from './config/config.js';
import { readEnvironment } from './config/environment.js';
import { lockData } from './database/lock/data-lock.js';

async function start(): Promise<void> {
  const signals = new StopSignals();
  const config = new AppConfig(readEnvironment());
  const lock = lockData(config);
  const { startServer } = await import('./server.js');
  await startServer(config, lock, signals);
}

start().catch((error: unknown) => {
  console.error(explainFailure(error, 'The server cannot start'));
  process.exit(1);
});
