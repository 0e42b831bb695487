import { createHash } from 'node:crypto';
import type { RolloutResponse } from '../../src/rollout/http/dto/rollout-response.dto.js';
import { binary, uploadForm } from '../support/factories.js';
import type { Answer } from '../support/server.js';
import type { Random } from './random.js';
import type { ServerProcess } from '../support/server-process.js';

interface Change {
  status?: 'active' | 'paused';
  rollout_percentage?: number;
}

/** A rollout as the server has acknowledged it, and the change that it may have heard of before it was killed. */
interface Acknowledged extends Required<Change> {
  version: string;
  unanswered: Change | null;
}

/** Uploads, creates, widens, pauses, resumes and retries as chance has it, and remembers what the server has acknowledged. */
export class Operator {
  /** SHA-256 by version. */
  readonly uploads = new Map<string, string>();
  readonly rollouts = new Map<number, Acknowledged>();
  /** Updates that were seen as ended, by their number. */
  readonly ended = new Set<number>();
  private unansweredCreations = 0;
  private minor = 10;

  constructor(
    private readonly server: ServerProcess,
    private readonly random: Random,
    private readonly printers: readonly string[],
  ) {}

  /** Works until the server answers no more. */
  async work(): Promise<void> {
    while (await this.step());
  }

  /** Does one thing; false if no answer came. */
  private step(): Promise<boolean> {
    const dice = this.random.fraction();
    if (this.uploads.size === 0 || dice < 0.25) return this.upload();
    if (this.rollouts.size === 0 || dice < 0.45) return this.create();
    if (dice < 0.75) return this.change();
    if (dice < 0.85) return this.retry();
    return this.look();
  }

  private async upload(): Promise<boolean> {
    this.minor += 1;
    const version = `1.${this.minor}.0`;
    const bytes = binary(this.random.between(1_000, 60_000));
    const answer = await this.ask('POST', '/api/firmware/upload', uploadForm({ version }, bytes));
    if (answer?.status === 201) this.uploads.set(version, createHash('sha256').update(bytes).digest('hex'));
    return answer !== null;
  }

  private async create(): Promise<boolean> {
    const version = this.random.oneOf([...this.uploads.keys()].slice(-3));
    const percentage = this.random.between(1, 100);
    const wanted = {
      firmware_version: version,
      target: { all: true },
      rollout_type: 'gradual',
      rollout_percentage: percentage,
    };
    const answer = await this.ask<RolloutResponse>('POST', '/api/rollouts', wanted);
    if (answer === null) this.unansweredCreations += 1;
    else if (answer.status === 201) this.remember(answer.body);
    return answer !== null;
  }

  private async change(): Promise<boolean> {
    const [id, known] = this.random.oneOf([...this.rollouts])!;
    const change: Change =
      this.random.fraction() < 0.6
        ? { rollout_percentage: this.random.between(known.rollout_percentage, 100) }
        : { status: known.status === 'paused' ? 'active' : 'paused' };
    const answer = await this.ask('PATCH', `/api/rollouts/${id}`, change);
    if (answer === null) known.unanswered = change;
    // A rollout that has completed meanwhile cannot be paused.
    else if (answer.status === 200) Object.assign(known, change);
    else if (answer.status !== 409) throw new Error(`PATCH answered ${answer.status}`);
    return answer !== null;
  }

  /** What has failed is sent again, all of it or nothing; the counters are held against the rows after the next kill. */
  private async retry(): Promise<boolean> {
    const [id] = this.random.oneOf([...this.rollouts])!;
    const answer = await this.ask('POST', `/api/rollouts/${id}/retry`);
    if (answer !== null && answer.status !== 200) throw new Error(`Retry answered ${answer.status}`);
    return answer !== null;
  }

  private async look(): Promise<boolean> {
    const path = `/api/printers/${this.random.oneOf(this.printers)}/updates`;
    const answer = await this.ask<{ updates?: Array<{ id: number | null; status: string }> }>('GET', path);
    for (const { id, status } of answer?.body.updates ?? [])
      if (id !== null && status !== 'in_progress') this.ended.add(id);
    return answer !== null;
  }

  /** Compares what the server says after a restart with what it had acknowledged before; answers with what is wrong. */
  async compare(): Promise<string[]> {
    const wrong: string[] = [];
    const { body } = await this.server.request<{ rollouts: RolloutResponse[] }>(
      'GET',
      '/api/rollouts?limit=1000',
    );
    const byId = new Map(body.rollouts.map((rollout) => [rollout.id, rollout]));
    for (const [id, known] of this.rollouts) {
      const found = byId.get(id);
      if (!found) {
        wrong.push(`rollout ${id} is gone`);
        continue;
      }
      const { unanswered } = known;
      const status = found.status === 'completed' ? 'active' : found.status;
      if (status !== known.status && status !== unanswered?.status)
        wrong.push(`rollout ${id} is ${found.status}, acknowledged was ${known.status}`);
      const percentage = found.rollout_percentage;
      if (percentage !== known.rollout_percentage && percentage !== unanswered?.rollout_percentage)
        wrong.push(`rollout ${id} has ${percentage} %, acknowledged were ${known.rollout_percentage} %`);
      this.remember(found);
    }
    const unknown = body.rollouts.filter(({ id }) => !this.rollouts.has(id));
    if (unknown.length > this.unansweredCreations)
      wrong.push(`nobody created ${unknown.map(({ id }) => `rollout ${id}`).join(', ')}`);
    for (const rollout of unknown) this.remember(rollout);
    this.unansweredCreations = 0;
    return wrong;
  }

  private remember({ id, firmware_version, status, rollout_percentage }: RolloutResponse): void {
    this.rollouts.set(id, {
      version: firmware_version,
      status: status === 'paused' ? 'paused' : 'active',
      rollout_percentage,
      unanswered: null,
    });
  }

  private async ask<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: object | FormData,
  ): Promise<Answer<T> | null> {
    try {
      return await this.server.request<T>(method, path, body);
    } catch {
      return null;
    }
  }
}
