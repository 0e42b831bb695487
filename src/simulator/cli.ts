import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { Fleet } from './fleet.js';
import type { FleetCounts } from './fleet.js';

interface Options {
  server: string;
  printers: number;
  users: number;
  seed: string;
  versions: string[];
  beta: number;
  canary: number;
  platforms: string[];
  fail: number;
  decline: number;
  hang: number;
  rollBack: number;
  rebootMs: number;
  publicKey?: KeyObject;
  duration?: number;
}

const program = new Command('simulate')
  .description('Run virtual PaperMinder printers, which connect, update and report like real ones.')
  .option('--server <url>', 'address of the server', serverUrl, 'http://localhost:8000')
  .option('--printers <n>', 'number of printers', wholeNumber, 10)
  .option('--users <n>', 'number of owners that share them', wholeNumber, 5)
  .option('--seed <text>', 'the same seed makes the same fleet', 'paperminder')
  .option('--versions <list>', 'initial versions, separated by commas', list, ['1.3.0', '1.4.0'])
  .option('--beta <share>', 'share of the printers in the beta channel, 0 to 1', share, 0.1)
  .option('--canary <share>', 'share in the canary channel', share, 0.02)
  .option('--platforms <list>', 'boards, separated by commas', list, ['esp8266', 'esp32'])
  .option('--fail <share>', 'share that fails to install an update', share, 0)
  .option('--decline <share>', 'share that declines it', share, 0)
  .option('--hang <share>', 'share that accepts it, then goes silent', share, 0)
  .option('--roll-back <share>', 'share that installs it, then reconnects with the old version', share, 0)
  .option('--reboot-ms <n>', 'duration of a reboot, in milliseconds', wholeNumber, 1_000)
  .option('--public-key <file>', 'install only builds signed with this Ed25519 key (PEM)', publicKey)
  .option('--duration <seconds>', 'stop after this number of seconds', wholeNumber);

async function run(options: Options): Promise<void> {
  const fleet = new Fleet({
    ...options,
    channels: { beta: options.beta, canary: options.canary },
    failing: options.fail,
    declining: options.decline,
    hanging: options.hang,
    rollingBack: options.rollBack,
  });
  const begun = Date.now();
  const progress = setInterval(() => printLine(fleet.counts(), begun), process.stdout.isTTY ? 250 : 5_000);
  const stop = async (): Promise<void> => {
    clearInterval(progress);
    printLine(fleet.counts(), begun);
    if (process.stdout.isTTY) process.stdout.write('\n');
    await fleet.stop();
    process.exit(0);
  };
  process.once('SIGINT', () => void stop());
  process.once('SIGTERM', () => void stop());
  if (options.duration !== undefined) setTimeout(() => void stop(), options.duration * 1_000);
  await fleet.start();
}

function printLine(counts: FleetCounts, begun: number): void {
  const seconds = Math.round((Date.now() - begun) / 1_000);
  const versions = counts.versions.map(([version, count]) => `${version}: ${count}`).join(', ');
  const troubles = counts.troubles.map(([trouble, count]) => `, ${count} ${trouble}`).join('');
  const line = `${seconds} s | online ${counts.online}/${counts.total}${troubles} | updates received ${counts.orders} | ${versions}`;
  // Overwrites the line on a terminal.
  process.stdout.write(process.stdout.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('It must be from 0 to 1.');
  return value;
}

function list(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.includes('')) throw new InvalidArgumentError('It must be a list separated by commas.');
  return items;
}

function publicKey(file: string): KeyObject {
  try {
    const key = createPublicKey(readFileSync(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // A file that cannot be read is reported like one without a key.
  }
  throw new InvalidArgumentError('It must be a file with an Ed25519 public key as PEM.');
}

function serverUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('It must be an address such as http://localhost:8000.');
  }
  return text.replace(/\/+$/, '');
}

program.parse();
await run(program.opts<Options>());
