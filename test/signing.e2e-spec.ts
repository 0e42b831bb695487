import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { NewKeyResponse } from '../src/access/api-key.dto.js';
import type { FirmwareResponse } from '../src/firmware/firmware-response.dto.js';
import type { SigningKeyListResponse, SigningKeyResponse } from '../src/signing/signing-key.dto.js';
import { eventually } from './support/eventually.js';
import {
  binary,
  connected,
  expectStatus,
  history,
  printer,
  roll,
  upload,
  uploadForm,
} from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { HeldQueue } from './support/held-queue.js';
import { TestServer } from './support/server.js';
import type { Answer } from './support/server.js';

type Bytes = Uint8Array<ArrayBuffer>;

/** An Ed25519 pair as an operator has it: made here, with nothing of the server's own code. */
class Signer {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;

  constructor() {
    ({ publicKey: this.publicKey, privateKey: this.privateKey } = generateKeyPairSync('ed25519'));
  }

  get pem(): string {
    return this.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  }

  get privatePem(): string {
    return this.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  }

  get fingerprint(): string {
    const der = this.publicKey.export({ type: 'spki', format: 'der' });
    return createHash('sha256').update(der).digest('hex');
  }

  sign(bytes: Bytes): string {
    return sign(null, bytes, this.privateKey).toString('base64');
  }
}

describe('Signed firmware', () => {
  const servers: TestServer[] = [];

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  async function start(): Promise<TestServer> {
    const server = await TestServer.start();
    servers.push(server);
    return server;
  }

  async function register(server: TestServer, signer: Signer, name = 'release'): Promise<SigningKeyResponse> {
    const body = { name, public_key: signer.pem };
    return expectStatus(await server.request<SigningKeyResponse>('POST', '/api/signing-keys', body), 201);
  }

  function tryRegister(server: TestServer, body: object): Promise<Answer<ProblemBody>> {
    return server.request<ProblemBody>('POST', '/api/signing-keys', body);
  }

  function tryUpload(
    server: TestServer,
    fields: Record<string, string>,
    bytes: Bytes = binary(),
  ): Promise<Answer<ProblemBody>> {
    return server.request<ProblemBody>('POST', '/api/firmware/upload', uploadForm(fields, bytes));
  }

  function uploadSigned(
    server: TestServer,
    signer: Signer,
    version: string,
    fields: Record<string, string> = {},
    bytes: Bytes = binary(),
  ): Promise<FirmwareResponse> {
    return upload(server, version, { ...fields, signature: signer.sign(bytes) }, bytes);
  }

  function tryRoll(server: TestServer, version: string): Promise<Answer<ProblemBody>> {
    const body = { firmware_version: version, target: { all: true }, rollout_type: 'immediate' };
    return server.request<ProblemBody>('POST', '/api/rollouts', body);
  }

  async function expectRefused(
    answer: Promise<Answer<ProblemBody>>,
    field: string,
    message: RegExp,
  ): Promise<ProblemBody> {
    const body = expectStatus(await answer, 400);
    expect(body.errors).toEqual([
      expect.objectContaining({ field, message: expect.stringMatching(message) }),
    ]);
    return body;
  }

  async function nothingKept(server: TestServer): Promise<void> {
    await eventually(
      'nothing is left behind',
      async () => [...(await server.uploaded()), ...(await readdir(join(server.uploads, 'incoming')))],
      (names) => names.join() === 'incoming',
    );
  }

  /**
   * Lets a change of the keys be committed while a request waits for its turn to write, its signature checked already: the unit of
   * work is held up until both stand in line.
   */
  async function overtaken<T>(
    server: TestServer,
    change: () => Promise<Answer<unknown>>,
    request: () => Promise<Answer<T>>,
  ): Promise<[Answer<unknown>, Answer<T>]> {
    const queue = await HeldQueue.hold(server);
    const changed = change();
    await queue.submitted({ operators: 1 });
    const answered = request();
    await queue.submitted({ operators: 2 });
    await queue.release();
    return Promise.all([changed, answered]);
  }

  describe('keys', () => {
    it('are registered by their public half, listed, and known by the SHA-256 of it', async () => {
      const server = await start();
      const [first, second] = [new Signer(), new Signer()];
      await register(server, first);
      await register(server, second, 'spare');
      const { keys } = (await server.request<SigningKeyListResponse>('GET', '/api/signing-keys')).body;
      expect(keys).toEqual(
        [
          { id: 2, name: 'spare', public_key: second.pem, fingerprint: second.fingerprint },
          { id: 1, name: 'release', public_key: first.pem, fingerprint: first.fingerprint },
        ].map((key) => ({
          ...key,
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          removed_at: null,
        })),
      );
    });

    it('are one key however their lines are broken, and are registered once', async () => {
      const server = await start();
      const signer = new Signer();
      const asOneLine = signer.pem.replaceAll('\n', ' ');
      expect((await tryRegister(server, { name: 'a', public_key: asOneLine })).status).toBe(201);
      for (const pem of [signer.pem, `\r\n${signer.pem.replaceAll('\n', '\r\n')}`]) {
        const again = await tryRegister(server, { name: 'b', public_key: pem });
        expect([again.status, again.body.detail]).toEqual([
          409,
          `The key ${signer.fingerprint} is registered already: 1 (a)`,
        ]);
      }
      const { keys } = (await server.request<SigningKeyListResponse>('GET', '/api/signing-keys')).body;
      expect(keys.map((key) => key.public_key)).toEqual([signer.pem]);
    });

    it('are registered once by two who try at once', async () => {
      const server = await start();
      const body = { name: 'x', public_key: new Signer().pem };
      const tries = await Promise.all([tryRegister(server, body), tryRegister(server, body)]);
      expect(tries.map(({ status }) => status).sort()).toEqual([201, 409]);
    });

    it('of another kind are refused by name', async () => {
      const server = await start();
      const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
      const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
      const body = await expectRefused(
        tryRegister(server, { name: 'x', public_key: pem }),
        'public_key',
        /must be an Ed25519 key, and is of type rsa/,
      );
      expect(body.errors?.[0]?.value).toBe(pem);
    });

    it('that are private are refused and not repeated, in whatever field and form they come', async () => {
      const server = await start();
      const signer = new Signer();
      const pem = signer.privatePem;
      const [, bare = ''] = pem.split('\n');
      const seed = Buffer.from(bare, 'base64').subarray(-32);
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
      const rsa = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      for (const [body, field] of [
        [{ name: 'x', public_key: pem }, 'public_key'],
        [{ name: 'x', public_key: rsa }, 'public_key'],
        [{ name: 'x', public_key: pem + signer.pem }, 'public_key'],
        [{ name: 'x', public_key: bare }, 'public_key'],
        [{ name: 'x', public_key: pem.replaceAll('PRIVATE', 'PUBLIC') }, 'public_key'],
        [{ name: 'x', public_key: seed.toString('base64') }, 'public_key'],
        [{ name: 'x', public_key: seed.toString('hex') }, 'public_key'],
        [{ name: 'x', public_key: [pem] }, 'public_key'],
        [{ name: pem, public_key: signer.pem }, 'name'],
        [{ name: 'x', public_key: signer.pem, private_key: pem }, 'private_key'],
      ] as const) {
        const answer = await tryRegister(server, body);
        expect([field, answer.status, answer.body.errors?.map((error) => error.field)]).toEqual([
          field,
          400,
          [field],
        ]);
        const said = JSON.stringify(answer.body);
        for (const secret of [bare.slice(10, 40), rsa.slice(100, 130), seed.toString('hex').slice(0, 20)])
          expect(said).not.toContain(secret);
      }
      expect((await server.request<SigningKeyListResponse>('GET', '/api/signing-keys')).body.keys).toEqual(
        [],
      );
    });

    it.each([
      [
        'of OpenSSH',
        { name: 'x', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI' },
        'public_key',
        /as PEM/,
      ],
      ['an empty text', { name: 'x', public_key: '' }, 'public_key', /as PEM/],
      ['a number', { name: 'x', public_key: 7 }, 'public_key', /must be a string/],
      ['missing', { name: 'x' }, 'public_key', /must be a string/],
      ['without a name', { public_key: new Signer().pem }, 'name', /must be/],
      ['of an empty name', { name: '', public_key: new Signer().pem }, 'name', /longer than or equal to 1/],
    ])('are refused where they are none: %s', async (_what, body, field, message) => {
      const server = await start();
      await expectRefused(tryRegister(server, body), field, message);
    });

    it('are for an admin to register and to remove, and for every key to read', async () => {
      const server = await start();
      const token = readFileSync(join(server.folder, 'claim-token'), 'utf8').trim();
      const claimed = await server.request<NewKeyResponse>('POST', '/api/keys/claim', { token, name: 'Ada' });
      const admin = { authorization: `Bearer ${claimed.body.key}` };
      const scopes = ['firmware:write', 'rollouts:write'];
      const made = await server.request<NewKeyResponse>('POST', '/api/keys', { name: 'ci', scopes }, admin);
      const builder = { authorization: `Bearer ${made.body.key}` };
      const body = { name: 'x', public_key: new Signer().pem };
      const statuses = [];
      for (const who of [builder, admin]) {
        statuses.push((await server.request('POST', '/api/signing-keys', body, who)).status);
        statuses.push((await server.request('GET', '/api/signing-keys', undefined, who)).status);
        const path = '/api/signing-keys/1?allow_unsigned=true';
        statuses.push((await server.request('DELETE', path, undefined, who)).status);
      }
      expect(statuses).toEqual([403, 200, 403, 201, 200, 204]);
    });

    it('are removed at once, and may reconnect', async () => {
      const server = await start();
      const [signer, other] = [new Signer(), new Signer()];
      await register(server, signer);
      await register(server, other);
      expect((await server.request('DELETE', '/api/signing-keys/1')).status).toBe(204);
      expect((await server.request('DELETE', '/api/signing-keys/1')).status).toBe(204);
      expect((await server.request('DELETE', '/api/signing-keys/9')).status).toBe(404);
      expect((await server.request('DELETE', '/api/signing-keys/2?alow_unsigned=true')).status).toBe(400);
      const { keys } = (await server.request<SigningKeyListResponse>('GET', '/api/signing-keys')).body;
      expect(keys.map((key) => [key.id, key.removed_at !== null])).toEqual([
        [2, false],
        [1, true],
      ]);
      const bytes = binary();
      const fields = { version: '1.5.0', signature: signer.sign(bytes) };
      await expectRefused(tryUpload(server, fields, bytes), 'signature', /with a registered signing key/);
      expect((await register(server, signer)).id).toBe(3);
      expect((await tryUpload(server, fields, bytes)).status).toBe(201);
    });

    it('keep one among them that cannot be removed unless unsigned firmware is allowed in so many words', async () => {
      const server = await start();
      await register(server, new Signer());
      await register(server, new Signer());
      const tries = await Promise.all(
        [1, 2].map((id) => server.request<ProblemBody>('DELETE', `/api/signing-keys/${id}`)),
      );
      expect(tries.map(({ status }) => status).sort()).toEqual([204, 409]);
      const left = tries[0]!.status === 409 ? 1 : 2;
      const refused = await server.request<ProblemBody>(
        'DELETE',
        `/api/signing-keys/${left}?allow_unsigned=false`,
      );
      expect([refused.status, refused.body.detail]).toEqual([
        409,
        expect.stringContaining('is the last one'),
      ]);
      expect((await tryUpload(server, { version: '1.5.0' })).status).toBe(400);
      const removed = await server.request('DELETE', `/api/signing-keys/${left}?allow_unsigned=true`);
      expect(removed.status).toBe(204);
      await upload(server, '1.5.0');
      expect((await tryRoll(server, '1.5.0')).status).toBe(201);
    });
  });

  describe('without a registered key', () => {
    it('is as it was: no signature in the answer, the message and the header', async () => {
      const server = await start();
      const build = await upload(server, '1.5.0', { signature: '' });
      expect([build.signature, build.signing_key_fingerprint]).toEqual([null, null]);
      await roll(server, '1.5.0');
      const target = await connected(server, { behaviour: 'hang' });
      await eventually('the update', () => target.orders.length === 1);
      expect(Object.keys(target.orders[0]!)).toEqual(['kind', 'version', 'url', 'md5']);
      const { headers } = await server.request('GET', '/api/firmware/download/1.5.0');
      expect(headers.has('x-signature-ed25519')).toBe(false);
      await target.stop();
    });

    it('is not taken on trust: a signature that nothing can be checked against is refused', async () => {
      const server = await start();
      const bytes = binary();
      const fields = { version: '1.5.0', signature: new Signer().sign(bytes) };
      const body = await expectRefused(
        tryUpload(server, fields, bytes),
        'signature',
        /no signing key is registered/,
      );
      expect(body.errors?.[0]?.value).toBe(fields.signature);
    });
  });

  describe('upload', () => {
    it('needs a signature over the exact bytes, by a registered key, and keeps nothing else', async () => {
      const server = await start();
      const [signer, stranger] = [new Signer(), new Signer()];
      await register(server, signer);
      const bytes = binary(10_000);
      const good = signer.sign(bytes);
      const flipped = Buffer.from(good, 'base64');
      flipped[40]! ^= 1;
      const longer = new Uint8Array([...bytes, 0]);
      for (const [signature, message] of [
        [undefined, /must be given/],
        ['', /must be given/],
        ['none', /must be the base64 of the 64 bytes/],
        [good.slice(0, -2), /must be the base64 of the 64 bytes/],
        [good.replace(/.==$/, 'B=='), /must be the base64 of the 64 bytes/],
        [Buffer.from(good, 'base64').toString('hex'), /must be the base64 of the 64 bytes/],
        [flipped.toString('base64'), /over the exact bytes/],
        [stranger.sign(bytes), /over the exact bytes/],
        [signer.sign(longer), /over the exact bytes/],
        [randomBytes(64).toString('base64'), /over the exact bytes/],
      ] as const) {
        const fields = { version: '1.5.0', ...(signature === undefined ? {} : { signature }) };
        await expectRefused(tryUpload(server, fields, bytes), 'signature', message);
      }
      await nothingKept(server);
      expect((await server.request('GET', '/api/firmware/1.5.0')).status).toBe(404);
      const answer = await tryUpload(server, { version: '1.5.0', signature: good }, bytes);
      expect(answer.status).toBe(201);
    });

    it('says whose signature it was, in every answer that shows the build', async () => {
      const server = await start();
      const [first, second] = [new Signer(), new Signer()];
      await register(server, first);
      await register(server, second);
      const bytes = binary();
      // As `-F "signature=<firmware.sig"` sends it.
      const signed = await upload(server, '1.5.0', { signature: `${second.sign(bytes)}\n` }, bytes);
      const expected = { signature: second.sign(bytes), signing_key_fingerprint: second.fingerprint };
      expect(signed).toMatchObject(expected);
      for (const path of ['/api/firmware/1.5.0', '/api/firmware/latest'])
        expect((await server.request('GET', path)).body).toMatchObject(expected);
      expect((await server.request('GET', '/api/firmware')).body).toEqual([
        expect.objectContaining(expected),
      ]);
      await server.restart();
      expect((await server.request('GET', '/api/firmware/1.5.0')).body).toMatchObject(expected);
    });

    it('needs it for the same binary in a second channel, too', async () => {
      const server = await start();
      const signer = new Signer();
      await register(server, signer);
      const bytes = binary();
      await uploadSigned(server, signer, '1.5.0', { channel: 'beta' }, bytes);
      await expectRefused(tryUpload(server, { version: '1.5.0' }, bytes), 'signature', /must be given/);
      await uploadSigned(server, signer, '1.5.0', { channel: 'stable' }, bytes);
    });

    it('checks an image as large as the limit allows', async () => {
      const server = await start();
      const signer = new Signer();
      await register(server, signer);
      const { file_size } = await uploadSigned(server, signer, '1.5.0', {}, binary(5 * 1024 * 1024));
      expect(file_size).toBe(5 * 1024 * 1024);
    });

    it('is refused if its key is removed while it is under way', async () => {
      const server = await start();
      const [signer, other] = [new Signer(), new Signer()];
      await register(server, signer);
      await register(server, other);
      const bytes = binary();
      const fields = { version: '1.5.0', signature: signer.sign(bytes) };
      const [removed, uploaded] = await overtaken(
        server,
        () => server.request('DELETE', '/api/signing-keys/1'),
        () => tryUpload(server, fields, bytes),
      );
      expect(removed.status).toBe(204);
      await expectRefused(Promise.resolve(uploaded), 'signature', /by a key that has just been removed/);
      await nothingKept(server);
    });

    it('is refused if the first key is registered while it is under way unsigned', async () => {
      const server = await start();
      const [registered, uploaded] = await overtaken(
        server,
        () => tryRegister(server, { name: 'x', public_key: new Signer().pem }),
        () => tryUpload(server, { version: '1.5.0' }),
      );
      expect(registered.status).toBe(201);
      await expectRefused(Promise.resolve(uploaded), 'signature', /must be given/);
      await nothingKept(server);
    });
  });

  describe('on its way to a printer', () => {
    it('carries its signature in the update message, which stays below 1 KiB at its longest', async () => {
      const server = await start();
      const signer = new Signer();
      await register(server, signer);
      const version = `1.5.0-${'a'.repeat(58)}`;
      const platform = `esp32-${'b'.repeat(26)}`;
      const bytes = binary();
      await uploadSigned(server, signer, version, { platform, channel: 'canary' }, bytes);
      const target = printer(server, { platform, behaviour: 'hang' });
      await roll(server, version, { target: { printer_ids: [target.options.uuid] } });
      target.start();
      await eventually('the update', () => target.orders.length === 1);
      const order = target.orders[0]!;
      expect(Object.keys(order)).toEqual(['kind', 'version', 'platform', 'url', 'md5', 'signature']);
      expect(order.signature).toBe(signer.sign(bytes));
      // The longest address that the server is reached at, and the longest number of a printer.
      const longest = 200 + '255.255.255.255:65535'.length + 15;
      expect(JSON.stringify(order).length + longest).toBeLessThan(1_024);
      await target.stop();
    });

    it('carries its signature in the header of every download: whole and in parts', async () => {
      const server = await start();
      const signer = new Signer();
      await register(server, signer);
      const bytes = binary();
      await uploadSigned(server, signer, '1.5.0', {}, bytes);
      const url = `${server.url}/api/firmware/download/1.5.0`;
      for (const [what, init, status] of [
        ['the first, from the disk', {}, 200],
        ['from memory', {}, 200],
        ['for a browser', { headers: { origin: server.url } }, 200],
        ['a range', { headers: { range: 'bytes=0-9' } }, 206],
        ['HEAD', { method: 'HEAD' }, 200],
      ] as const) {
        const answer = await fetch(url, init);
        await answer.arrayBuffer();
        const header = answer.headers.get('x-signature-ed25519');
        expect([what, answer.status, header]).toEqual([what, status, signer.sign(bytes)]);
      }
    });

    it('is installed by a board that has the key', async () => {
      const server = await start();
      const signer = new Signer();
      await register(server, signer);
      await uploadSigned(server, signer, '1.5.0');
      await roll(server, '1.5.0');
      const target = await connected(server, { publicKey: signer.publicKey });
      await eventually('the update is installed', () => target.version === '1.5.0');
      await target.stop();
    });

    it.each([
      ['signed by another key', true, 'the signature is not that of the image'],
      ['not signed', false, 'the image is not signed'],
    ])('is refused by a board with a key where it is %s', async (_what, signed, error) => {
      const server = await start();
      if (signed) {
        const signer = new Signer();
        await register(server, signer);
        await uploadSigned(server, signer, '1.5.0');
      } else await upload(server, '1.5.0');
      await roll(server, '1.5.0');
      const target = await connected(server, { publicKey: new Signer().publicKey });
      const [update] = await eventually(
        'the failure is reported',
        () => history(server, target.options.uuid),
        ([first]) => first?.status === 'failed',
      );
      expect(update?.error_message).toBe(`Update failed: ${error}`);
      expect(target.version).toBe('1.4.0');
      await target.stop();
    });
  });

  describe('and builds from before the first key', () => {
    it('are not rolled out again, but what is under way goes on', async () => {
      const server = await start();
      await upload(server, '1.5.0');
      const { id } = await roll(server, '1.5.0', { rollout_type: 'gradual', rollout_percentage: 0 });
      await register(server, new Signer());
      const refused = await tryRoll(server, '1.5.0');
      expect([refused.status, refused.body.detail]).toEqual([
        409,
        'A signature is missing: firmware 1.5.0 in stable for every board has none, and signing keys are registered; ' +
          'give it one (PATCH /api/firmware/1.5.0)',
      ]);
      const widened = await server.request('PATCH', `/api/rollouts/${id}`, { rollout_percentage: 100 });
      expect(widened.status).toBe(200);
      const target = await connected(server);
      await eventually('the update is installed', () => target.version === '1.5.0');
      await target.stop();
    });

    it('are refused if one build of several lacks its signature', async () => {
      const server = await start();
      await upload(server, '1.5.0', { platform: 'esp8266' });
      const signer = new Signer();
      await register(server, signer);
      await uploadSigned(server, signer, '1.5.0', { platform: 'esp32' });
      expect((await tryRoll(server, '1.5.0')).status).toBe(409);
    });

    it('are signed later, over what was uploaded, and then rolled out', async () => {
      const server = await start();
      const signer = new Signer();
      const bytes = binary();
      await upload(server, '1.5.0', { channel: 'beta' }, bytes);
      await upload(server, '1.5.0', { channel: 'stable' }, bytes);
      const path = '/api/firmware/1.5.0';
      const change = (signature: string): Promise<Answer<ProblemBody>> =>
        server.request<ProblemBody>('PATCH', path, { signature });
      await expectRefused(change(signer.sign(bytes)), 'signature', /no signing key is registered/);
      await register(server, signer);
      await expectRefused(change(new Signer().sign(bytes)), 'signature', /over the exact bytes/);
      await expectRefused(change('x'), 'signature', /must be the base64/);
      // The row is remembered for downloads: a change must be seen by the next one.
      expect((await server.request('GET', '/api/firmware/download/1.5.0')).status).toBe(200);
      expect((await server.request('GET', '/api/firmware/download/1.5.0')).status).toBe(200);
      const changed = await change(signer.sign(bytes));
      expect([changed.status, changed.body]).toEqual([
        200,
        expect.objectContaining({
          signature: signer.sign(bytes),
          signing_key_fingerprint: signer.fingerprint,
        }),
      ]);
      const rows = (await server.request<FirmwareResponse[]>('GET', '/api/firmware')).body;
      expect(rows.map((row) => row.signing_key_fingerprint)).toEqual([
        signer.fingerprint,
        signer.fingerprint,
      ]);
      const { headers } = await server.request('GET', '/api/firmware/download/1.5.0');
      expect(headers.get('x-signature-ed25519')).toBe(signer.sign(bytes));
      expect((await tryRoll(server, '1.5.0')).status).toBe(201);
    });

    it('are not signed with a key that is removed meanwhile', async () => {
      const server = await start();
      const [signer, other] = [new Signer(), new Signer()];
      const bytes = binary();
      await upload(server, '1.5.0', {}, bytes);
      await register(server, signer);
      await register(server, other);
      const [removed, changed] = await overtaken(
        server,
        () => server.request('DELETE', '/api/signing-keys/1'),
        () => server.request<ProblemBody>('PATCH', '/api/firmware/1.5.0', { signature: signer.sign(bytes) }),
      );
      expect(removed.status).toBe(204);
      await expectRefused(Promise.resolve(changed), 'signature', /by a key that has just been removed/);
      expect((await server.request('GET', '/api/firmware/1.5.0')).body).toMatchObject({ signature: null });
    });

    it('are signed one by one if a version has several binaries', async () => {
      const server = await start();
      const signer = new Signer();
      const [one, other] = [binary(), binary()];
      await upload(server, '1.5.0', { platform: 'esp8266' }, one);
      await upload(server, '1.5.0', { platform: 'esp32' }, other);
      await register(server, signer);
      for (const bytes of [one, other]) {
        const body = { signature: signer.sign(bytes) };
        const answer = server.request<ProblemBody>('PATCH', '/api/firmware/1.5.0', body);
        await expectRefused(answer, 'signature', /over the exact bytes/);
      }
      const rows = (await server.request<FirmwareResponse[]>('GET', '/api/firmware')).body;
      expect(rows.map((row) => row.signature)).toEqual([null, null]);
      for (const [platform, bytes] of [
        ['esp8266', one],
        ['esp32', other],
      ] as const) {
        const signature = signer.sign(bytes);
        const signed = await server.request('PATCH', `/api/firmware/1.5.0?platform=${platform}`, {
          signature,
        });
        expect([platform, signed.status]).toEqual([platform, 200]);
      }
      expect((await tryRoll(server, '1.5.0')).status).toBe(201);
    });
  });

  it('stays what it is when its key is removed', async () => {
    const server = await start();
    const [old, successor] = [new Signer(), new Signer()];
    await register(server, old);
    const { signature } = await uploadSigned(server, old, '1.5.0');
    await register(server, successor);
    expect((await server.request('DELETE', '/api/signing-keys/1')).status).toBe(204);
    const build = (await server.request<FirmwareResponse>('GET', '/api/firmware/1.5.0')).body;
    expect([build.signature, build.signing_key_fingerprint]).toEqual([signature, old.fingerprint]);
    const rolled = await tryRoll(server, '1.5.0');
    expect(rolled.status).toBe(201);
    const target = await connected(server, { publicKey: old.publicKey });
    await eventually('the update is installed', () => target.version === '1.5.0');
    await target.stop();
  });
});
