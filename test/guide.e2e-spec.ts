import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { VirtualPrinter } from '../src/simulator/virtual-printer.js';
import { eventually } from './support/eventually.js';
import { binary, connected, expectStatus, roll, rollout, upload } from './support/factories.js';
import { guideCommands } from './support/guide.js';
import type { GuideCommand } from './support/guide.js';
import { TestServer } from './support/server.js';

const COMMANDS = guideCommands(readFileSync('docs/guide.md', 'utf8'));
const USER = '550e8400-e29b-41d4-a716-446655440000';

const has = (program: string): boolean => {
  try {
    execFileSync('bash', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const HAS_JQ = has('jq');
// The commands are run as they stand, by the programs that they name.
const withCurl = has('curl') ? describe : describe.skip;

interface Outcome {
  status: number;
  output: string;
}

/** Somebody at a terminal, with the guide in hand. */
class Operator {
  private constructor(
    private readonly server: TestServer,
    readonly folder: string,
  ) {}

  static async at(server: TestServer, files: Record<string, Uint8Array>): Promise<Operator> {
    const folder = join(server.folder, 'operator');
    await mkdir(folder);
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    // The status goes to the other stream, so that the answer can still be piped.
    await writeFile(join(folder, '.curlrc'), 'silent\nwrite-out = "%{stderr}STATUS %{http_code}\\n"\n');
    return new Operator(server, folder);
  }

  /** Runs a command of the guide: only the address, the folder of a file and the endless `watch` are changed. */
  async run({ text }: GuideCommand): Promise<Outcome> {
    let command = text
      .replaceAll('http://localhost:8000', this.server.url)
      .replace('@/path/to/', '@')
      .replace(/^watch -n \d+ '([^]*)'$/, '$1');
    if (!HAS_JQ) command = command.replace(/\|\s*\\?\n?\s*jq\b[^]*$/, '');
    return new Promise((resolve, reject) => {
      const options = {
        cwd: this.folder,
        env: { ...process.env, HOME: this.folder, CURL_HOME: this.folder },
      };
      execFile('bash', ['-o', 'pipefail', '-c', command], options, (error, stdout, stderr) => {
        const status = /STATUS (\d+)/.exec(stderr)?.[1];
        if (error || status === undefined)
          reject(new Error(`${command}\n${error?.message}\n${stdout}\n${stderr}`));
        else resolve({ status: Number(status), output: stdout });
      });
    });
  }
}

function section(...headings: string[]): GuideCommand[] {
  const found = COMMANDS.filter(({ heading }) => headings.some((one) => heading.startsWith(one)));
  if (found.length === 0) throw new Error(`The guide has no commands under ${headings.join()}`);
  return found;
}

withCurl('The guide', () => {
  const release = binary(50_000);
  const files = {
    'firmware.bin': release,
    'paperminder-1.5.0.bin': release,
    'firmware-1.5.0.bin': release,
    'firmware-1.4.0.bin': binary(40_000),
    'critical-fix.bin': binary(45_000),
  };
  let server: TestServer;
  let operator: Operator;
  let fleet: VirtualPrinter[];

  /** A server with printers on it; 1.4.0 is what they run. */
  async function setUp(printers: number): Promise<void> {
    server = await TestServer.start();
    operator = await Operator.at(server, files);
    fleet = [];
    for (let index = 0; index < printers; index++) {
      const channel = index % 10 === 8 ? 'beta' : index % 10 === 9 ? 'canary' : 'stable';
      const userId = index % 5 === 0 ? USER : randomUUID();
      fleet.push(await connected(server, { channel, userId, name: `Printer ${index}` }));
    }
  }

  async function tearDown(): Promise<void> {
    await Promise.all(fleet.map((one) => one.stop()));
    await server.stop();
  }

  function running(version: string, channel = 'stable'): number {
    return fleet.filter(
      (one) => (one.options.channel === channel || channel === 'any') && one.version === version,
    ).length;
  }

  describe('from beginning to end, on one server', () => {
    /** What each command must answer, in the order of the guide; a text must be part of the answer. */
    const EXPECTED: Array<[number, ...Array<string | RegExp>]> = [
      [
        201,
        '"version":"1.5.0"',
        '"channel":"stable"',
        '"release_notes":"Bug fixes and performance improvements"',
      ],
      [201, '"status":"active"', '"target_channels":"[\\"stable\\"]"', '"rollout_type":"immediate"'],
      [409, 'Firmware version already exists'],
      [200, '"version":"1.5.0"'],
      [404, 'No firmware in channel beta'],
      [200, '"version":"1.5.0"'],
      [200, /^\[\{.*"version":"1.5.0".*\}\]$/],
      [200, /^\[\{.*"channel":"stable".*\}\]$/],
      [200],
      [201, '"rollout_type":"immediate"'],
      [201, '"rollout_percentage":10', '"min_version":"1.0.0"'],
      [
        201,
        '"status":"active"',
        '"scheduled_for":"2025-01-20T02:00:00.000Z"',
        /"warnings":\["scheduled_for 2025-01-20T02:00:00.000Z passed \d+ days ago/,
      ],
      [200, /^\{"rollouts":\[\{"id":\d+/],
      [200, '"status":"active"'],
      [200, /^\{"rollouts":\[/],
      [200, '"rollouts":[]'],
      // Rollout 42 exists, for the test has made some more.
      [200, '"id":42'],
      [200, '"status":"paused"'],
      [200, '"status":"active"'],
      [200, '"status":"cancelled"'],
      [409, 'Rollout 42 is cancelled'],
      [204],
      [200, '"total":51', '"next_cursor":null'],
      [200, '"total":10', `"user_id":"${USER}"`],
      [200, '"online":true'],
      // Nobody: the scheduled rollout above was due, and goes to all.
      [200, '{"printers":[],"total":0,"next_cursor":null}'],
      [200, '"update_channel":"stable"', '"total":41'],
      [200, /^\{"updates":\[/],
      [201, '"channel":"canary"'],
      [201, '"target_channels":"[\\"canary\\"]"'],
      [201, '"channel":"beta"'],
      [201, '"rollout_percentage":20'],
      [409, 'Firmware version already exists'],
      [201, '"rollout_percentage":10'],
      [201, '"rollout_percentage":10'],
      // On this server rollout 1 is the immediate one of the quick start.
      [409, 'Rollout 1 is immediate'],
      [409, 'Rollout 1 is immediate'],
      [200, '"rollout_percentage":100'],
      [201, '"status":"active"'],
      [409, 'Firmware version already exists'],
      [201, USER],
      [201, '"version":"1.5.1"', '"mandatory":true'],
      [200, /"id": ?1\b/],
      [200, '"status":"cancelled"'],
      [201, '"version":"1.4.0"'],
      [201, '"firmware_version":"1.4.0"'],
      [409, 'Firmware 1.5.0 is in use by rollout'],
      [200, '"version":"1.5.0"'],
      [200, /\d+/],
      [200, '"total":41'],
      [200, '"id":42', '"auto_update":true'],
      [200, '"status"'],
      [200],
      [201, '"status":"active"'],
      [200, /"?1\.\d\.0"?/],
      [409, 'Firmware version already exists'],
      [201, '"min_version":"1.0.0"'],
      [200, 'status'],
      [200],
      [200],
      [200, '"rollout_percentage":30'],
      [200, '"rollout_percentage":50'],
      [200, '"rollout_percentage":100'],
      [200, 'completed'],
      [200, 'version'],
    ];

    beforeAll(async () => {
      await setUp(50);
      // One that is switched off, and so stays a target of every rollout: jq cannot divide by no targets.
      await (await connected(server, { version: '1.3.0', name: 'Switched off' })).stop();
    }, 60_000);
    afterAll(tearDown);

    it('has as many commands as this test knows', () => {
      expect(COMMANDS).toHaveLength(EXPECTED.length);
    });

    const titled = COMMANDS.map((command, index) => {
      const title = command.text.replaceAll(/\s*\\?\n\s*/g, ' ');
      return { ...command, index, title };
    });

    it.each(titled)('$index ($heading) works as written: $title', async (command) => {
      if (
        command.text.includes('/rollouts/42') &&
        (await server.request('GET', '/api/rollouts/42')).status === 404
      ) {
        await makeRolloutsUpTo(42, command);
      }
      const { status, output } = await operator.run(command);
      const [expected, ...parts] = EXPECTED[command.index]!;
      expect([status, output]).toEqual([expected, output]);
      for (const part of parts) {
        if (part instanceof RegExp) expect(output).toMatch(part);
        else expect(HAS_JQ ? output : output.replaceAll(' ', '')).toContain(part);
      }
      if (command.text.startsWith('curl -O')) {
        expect(await readFile(join(operator.folder, '1.5.0'))).toEqual(Buffer.from(release));
      }
    });

    /** The guide speaks of a rollout 42: there have been some more before. */
    async function makeRolloutsUpTo(last: number, command: GuideCommand): Promise<void> {
      if (!command.text.endsWith('/rollouts/42') || command.text.includes('DELETE')) return;
      for (let id = 0; id < last;) {
        ({ id } = await roll(server, '1.5.0', { rollout_type: 'gradual', rollout_percentage: 0 }));
      }
    }
  });

  describe('section by section, each on a server of its own', () => {
    afterEach(tearDown);

    it('"Quick Start": the printers get the update', async () => {
      await setUp(10);
      for (const command of section('2. Upload Firmware', '3. Create Rollout')) {
        expect((await operator.run(command)).status).toBe(201);
      }
      await eventually('all in stable run it', () => running('1.5.0') === 8);
      expect([running('1.4.0', 'beta'), running('1.4.0', 'canary')]).toEqual([1, 1]);
      await eventually(
        'the rollout is completed',
        async () => (await rollout(server, 1)).status === 'completed',
      );
      expect(await rollout(server, 1)).toMatchObject({ total_targets: 8, completed_count: 8 });
    });

    it('"Canal Release": from canary over beta to stable, with the same binary', async () => {
      await setUp(20);
      for (const command of section('Strategy 1')) expect((await operator.run(command)).status).toBe(201);
      await eventually('canary runs it', () => running('1.5.0', 'canary') === 2);
      for (const id of [2, 3]) {
        expect(
          (await server.request('PATCH', `/api/rollouts/${id}`, { rollout_percentage: 100 })).status,
        ).toBe(200);
      }
      await eventually('all run it', () => running('1.5.0', 'any') === 20);
    });

    it('"Phased Gradual Rollout": wider and wider', async () => {
      await setUp(20);
      await upload(server, '1.5.0', {}, release);
      const answers: Outcome[] = [];
      for (const command of section('Strategy 2')) answers.push(await operator.run(command));
      expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200]);
      await eventually('all in stable run it', () => running('1.5.0') === 16);
    });

    it('"Rollback Plan": back to 1.4.0', async () => {
      await setUp(10);
      await upload(server, '1.5.0', {}, release);
      await roll(server, '1.5.0', { target: { channels: ['stable'] } });
      await eventually('all in stable run it', () => running('1.5.0') === 8);
      await eventually(
        'the rollout is completed',
        async () => (await rollout(server, 1)).status === 'completed',
      );
      const answers: Outcome[] = [];
      for (const command of section('6. Rollback Plan')) answers.push(await operator.run(command));
      expect(answers.map(({ status }) => status)).toEqual([200, 201, 201]);
      await eventually('all are back', () => running('1.4.0') === 8);
      await eventually(
        'the rollback is completed',
        async () => (await rollout(server, 2)).status === 'completed',
      );
    });

    it('"Complete Workflow Example": rollout 15, from 10 % to 100 %', async () => {
      await setUp(42);
      const nobody = randomUUID();
      await upload(server, '1.3.0');
      for (let id = 0; id < 14;) ({ id } = await roll(server, '1.3.0', { target: { user_ids: [nobody] } }));
      const statuses: number[] = [];
      for (const command of section('Step ')) statuses.push((await operator.run(command)).status);
      expect(statuses).toEqual([201, 201, 200, 200, 200, 200, 200, 200, 200, 200]);
      await eventually('all in stable run it', () => running('1.5.0') === 34);
      await eventually(
        'the rollout is completed',
        async () => (await rollout(server, 15)).status === 'completed',
      );
      const [verify] = section('Step 7');
      const { output } = await operator.run(verify!);
      if (HAS_JQ)
        expect(JSON.parse(output)).toMatchObject({ total: 34, completed: 34, failed: 0, success_rate: 100 });
    });

    it('"Firmware Upload Issues": a version that exists can be deleted and uploaded again', async () => {
      await setUp(0);
      const [first] = section('2. Upload Firmware');
      const [remove] = section('Firmware Upload Issues');
      expect((await operator.run(first!)).status).toBe(201);
      expect((await operator.run(first!)).output).toContain('Firmware version already exists');
      expect((await operator.run(remove!)).status).toBe(204);
      expect((await operator.run(first!)).status).toBe(201);
      expectStatus(await server.request('GET', '/api/firmware/1.5.0'), 200);
    });
  });
});
