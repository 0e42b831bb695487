import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import {
  InvalidPublicKeyError,
  SIGNATURE,
  fingerprintOf,
  isSignedBy,
  pemOf,
  readPublicKey,
} from './ed25519.js';

const program = new Command('sign').description(
  'Ed25519 keys and signatures for firmware. It needs no server: keep the private key on a machine without a network.',
);
program
  .command('keygen')
  .description(
    'make a pair of keys: PREFIX.private.pem, which only its owner can read, and PREFIX.public.pem',
  )
  .requiredOption('--out <prefix>', 'where to put them, e.g. keys/release')
  .action(({ out }: { out: string }) => keygen(out));
program
  .command('file <binary>')
  .description('print the signature of a file, base64: the form field `signature` of its upload')
  .requiredOption('--key <file>', 'the private key', privateKey)
  .action((binary: string, { key }: { key: KeyObject }) => {
    console.log(sign(null, readFileSync(binary), key).toString('base64'));
  });
program
  .command('verify <binary>')
  .description('say whether a signature is that of a file')
  .requiredOption('--key <file>', 'the public key', publicKey)
  .requiredOption('--signature <base64>', 'the signature', signature)
  .action(verify);

function keygen(prefix: string): void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const files = [
    { path: `${prefix}.private.pem`, text: privateKey.export({ type: 'pkcs8', format: 'pem' }), mode: 0o600 },
    { path: `${prefix}.public.pem`, text: pemOf(publicKey), mode: 0o644 },
  ];
  // Boards may trust the existing key, which would be lost for ever if it were overwritten.
  for (const { path } of files) if (existsSync(path)) return program.error(`${path} is there already`);
  for (const { path, text, mode } of files) writeFileSync(path, text, { mode, flag: 'wx' });
  for (const { path } of files) console.log(path);
  console.log(`fingerprint ${fingerprintOf(publicKey)}`);
}

interface VerifyOptions {
  key: KeyObject;
  signature: string;
}

async function verify(binary: string, options: VerifyOptions): Promise<void> {
  if (!(await isSignedBy(options.key, readFileSync(binary), options.signature)))
    return program.error(`The signature is not that of ${binary} by this key`);
  console.log(`Signed by ${fingerprintOf(options.key)}`);
}

function privateKey(path: string): KeyObject {
  const pem = read(path);
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Node's error for a file without a private key only names an OpenSSL routine.
  }
  throw new InvalidArgumentError(
    'It must be a file with an Ed25519 private key as PEM, without a passphrase.',
  );
}

function publicKey(path: string): KeyObject {
  const pem = read(path);
  try {
    return readPublicKey(pem);
  } catch (error) {
    if (error instanceof InvalidPublicKeyError) throw new InvalidArgumentError(`The key ${error.message}.`);
    throw error;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(String(error));
  }
}

function signature(text: string): string {
  const trimmed = text.trim();
  if (!SIGNATURE.test(trimmed)) throw new InvalidArgumentError('It must be the base64 of 64 bytes.');
  return trimmed;
}

program
  .parseAsync()
  .catch((error: unknown) => program.error(error instanceof Error ? error.message : String(error)));
