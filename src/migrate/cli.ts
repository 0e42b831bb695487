import 'reflect-metadata';
import { Command } from 'commander';
import { explainFailure } from '../common/startup-error.js';
import { StopSignals } from '../common/stop-signals.js';
import { AppConfig } from '../config/config.js';
import { readEnvironment } from '../config/environment.js';
import { migrate } from './migrate.js';

interface Options {
  from?: string;
  to: string;
  overwrite?: true;
}

// The download secret is for its owner only.
process.umask(0o077);
// An interrupted run leaves no lock behind.
new StopSignals();

const program = new Command('migrate')
  .description(
    'Copies the database of a stopped server from SQLite to PostgreSQL. Binaries stay in UPLOADS_DIR. Afterwards, start the server with ' +
      'DATABASE_URL set to the new database.',
  )
  .option('--from <url>', 'the SQLite file; default: DATABASE_URL')
  .requiredOption('--to <url>', 'the PostgreSQL database: postgres://user:password@host:5432/name')
  .option('--overwrite', 'replace everything that the PostgreSQL database contains')
  .action(async ({ from, to, overwrite }: Options) => {
    const environment = readEnvironment();
    const source = new AppConfig(from === undefined ? environment : { ...environment, DATABASE_URL: from });
    const target = new AppConfig({ ...environment, DATABASE_URL: to });
    const { tables, rows } = await migrate(source, target, overwrite === true);
    console.log(`Copied and verified ${tables} tables with ${rows} rows`);
  });

program.parseAsync().catch((error: unknown) => program.error(explainFailure(error, 'It failed')));
