import { resolve } from 'node:path';
import { Command } from 'commander';
import { explainFailure } from '../common/startup-error.js';
import { StopSignals } from '../common/stop-signals.js';
import { AppConfig } from '../config/config.js';
import { readEnvironment } from '../config/environment.js';
import { backUp } from './backup.js';
import type { Manifest } from './manifest.js';
import { restore } from './restore.js';
import { serverFiles } from './server-files.js';

// A backup is as sensitive as the server itself: only its owner may read it.
process.umask(0o077);
// An interrupted run leaves no lock behind.
new StopSignals();

const program = new Command('backup').description(
  'Backs up and restores the server whose data DATABASE_URL and UPLOADS_DIR name.',
);
program
  .command('backup <folder>')
  .description('back up into a folder, while the server runs or not; what the folder has already is kept')
  .action(async (folder: string) => {
    const config = readConfig();
    const { manifest, copied } = await backUp(config, resolve(folder));
    console.log(
      `Backed up ${serverFiles(config).database} to ${resolve(folder)}: ${describe(manifest)}, ${copied} of them copied now`,
    );
    reportMissing(manifest);
  });
program
  .command('restore <folder>')
  .description('verify a backup, and restore it where no server has been yet')
  .action(async (folder: string) => {
    const config = readConfig();
    const manifest = await restore(config, resolve(folder));
    console.log(
      `Restored ${serverFiles(config).database} as of ${manifest.created_at}: ${describe(manifest)} in ${config.uploadsDir}`,
    );
    reportMissing(manifest);
  });

function readConfig(): AppConfig {
  return new AppConfig(readEnvironment());
}

function describe({ files }: Manifest): string {
  const binaries = files.filter(({ role }) => role === 'binary');
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${files.length} files, ${bytes} bytes, ${binaries.length} binaries`;
}

// Not 1: everything else is safely in the backup.
const INCOMPLETE = 2;

function reportMissing({ missing_binaries: missing }: Manifest): void {
  for (const { version, channel, platform, sha256 } of missing)
    console.error(
      `Without the binary of firmware ${version} (${channel}${platform && `, ${platform}`}): it was missing or damaged on the server. ` +
        `Upload the file with SHA-256 ${sha256} again`,
    );
  if (missing.length > 0) process.exitCode = INCOMPLETE;
}

program.parseAsync().catch((error: unknown) => program.error(explainFailure(error, 'It failed')));
