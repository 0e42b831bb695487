import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, upload, uploadForm } from './support/factories.js';
import type { ProblemBody } from './support/factories.js';
import { RawSocket } from './support/raw-socket.js';
import { TestServer } from './support/server.js';

function subscribe(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { printer_name: 'Front Desk', printer_id: randomUUID(), ...changes };
}

/** A value nested so many levels deep. */
function deep(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

// Every test hits a limit, and looks at somebody else who must not notice.
describe('The limit', () => {
  describe('on what is sent', () => {
    let server: TestServer;

    beforeAll(async () => {
      server = await TestServer.start({
        MAX_FRAME_BYTES: '2048',
        MAX_JSON_DEPTH: '4',
        MAX_BODY_BYTES: '4096',
        MAX_TARGET_IDS: '3',
        MAX_TEXT_LENGTH: '50',
      });
      await upload(server, '1.0.0');
    });
    afterAll(() => server.stop());

    async function refused(method: string, path: string, body: object | FormData): Promise<string[]> {
      const other = await connected(server);
      const answer = await server.request<ProblemBody>(method, path, body);
      expect(answer.status).toBe(400);
      expect(other.subscribed).toBe(true);
      await other.stop();
      return answer.body.errors!.map((error) => `${error.field}: ${error.message}`);
    }

    it('MAX_FRAME_BYTES ends the connection that sends a larger frame, and no other', async () => {
      const other = await RawSocket.open(server);
      const raw = await RawSocket.open(server);
      const padded = { ...subscribe(), padding: '' };
      padded.padding = 'x'.repeat(2_048 - JSON.stringify(padded).length);
      expect((await raw.ask(padded)).code).toBe('subscription_accepted');
      raw.socket.send('x'.repeat(2_049));
      await eventually('the connection is closed', () => raw.closeCode === 1009);
      expect((await other.ask(subscribe())).code).toBe('subscription_accepted');
      other.socket.close();
    });

    it('MAX_JSON_DEPTH refuses what is nested deeper, in a message and in a body', async () => {
      const raw = await RawSocket.open(server);
      const answer = await raw.ask(subscribe({ extra: deep(4) }));
      expect(answer).toMatchObject({
        code: 'validation_error',
        detail: expect.stringContaining('nested more than 4 levels'),
      });
      expect((await raw.ask(subscribe({ extra: deep(3) }))).code).toBe('subscription_accepted');
      raw.socket.close();
      const errors = await refused('POST', '/api/rollouts', { target: deep(4) });
      expect(errors).toEqual(['a: a is nested more than 4 levels deep']);
    });

    it.each(['printer_ids', 'user_ids'])('MAX_TARGET_IDS refuses a longer list of %s', async (name) => {
      const ids = Array.from({ length: 4 }, () => randomUUID());
      const body = { firmware_version: '1.0.0', rollout_type: 'immediate', target: { [name]: ids } };
      const errors = await refused('POST', '/api/rollouts', body);
      expect(errors).toEqual([`target.${name}: target.${name} must list at most 3 ids, not 4`]);
      await roll(server, '1.0.0', { target: { [name]: ids.slice(1) } });
    });

    it('MAX_BODY_BYTES refuses a longer body with 413', async () => {
      const other = await connected(server);
      const answer = await server.request('POST', '/api/rollouts', { x: 'x'.repeat(4_096) });
      expect(answer.status).toBe(413);
      expect((await server.request('GET', '/api/firmware')).status).toBe(200);
      expect(other.subscribed).toBe(true);
      await other.stop();
    });

    it.each(['release_notes', 'changelog'])(
      'MAX_TEXT_LENGTH refuses a longer %s, and keeps nothing of the upload',
      async (field) => {
        const message = `${field}: ${field} must be at most 50 characters long, not 51`;
        const form = uploadForm({ version: '2.0.0', [field]: 'ü'.repeat(51) });
        expect(await refused('POST', '/api/firmware/upload', form)).toEqual([message]);
        const change = { [field]: 'ü'.repeat(51) };
        expect(await refused('PATCH', '/api/firmware/1.0.0', change)).toEqual([message]);
        const endless = uploadForm({ version: '2.0.0', [field]: 'x'.repeat(100_000) });
        expect(await refused('POST', '/api/firmware/upload', endless)).toEqual([
          expect.stringContaining(`${field}: `),
        ]);
        await eventually(
          'nothing is left behind',
          async () => (await readdir(join(server.uploads, 'incoming'))).length === 0,
        );
        expectStatus(await server.request('PATCH', '/api/firmware/1.0.0', { [field]: 'ü'.repeat(50) }), 200);
      },
    );

    it('refuses a form with fields without end', async () => {
      const fields = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`x${index}`, '']));
      expect(await refused('POST', '/api/firmware/upload', uploadForm(fields, binary()))).toHaveLength(1);
    });

    it('refuses an api_key of more than 1,024 characters, and does not cut it short', async () => {
      const raw = await RawSocket.open(server);
      const hello = subscribe({ api_key: 'k'.repeat(1_024) });
      expect((await raw.ask({ ...hello, api_key: 'k'.repeat(1_025) })).detail).toContain(
        'api_key must be at most',
      );
      expect((await raw.ask(hello)).code).toBe('subscription_accepted');
      raw.socket.close();
    });
  });
});
