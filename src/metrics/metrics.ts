import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Subscription } from 'rxjs';
import { versionKey, versionOfKey } from '../common/version.js';
import { Database } from '../database/database.js';
import { RequestLog } from '../http/server/request-log.js';
import { ImageCheck } from '../firmware/binaries/image-check.js';
import { Connections } from '../gateway/connections.js';
import { Presence } from '../printer/presence.js';
import { ProblemCounts } from '../printer/counts/problem-counts.js';
import { AboutToRun } from '../rollout/campaign/about-to-run.js';
import { TARGET_STATUSES } from '../rollout/rules/status.js';
import { COUNTER_COLUMNS, counterColumn } from '../rollout/store/entities/rollout-counters.js';
import { RolloutEvents } from '../rollout/store/rollout.events.js';
import { VERSION } from '../version.js';

// Maximum versions with their own label. A fleet runs a few dozen; the versions that printers claim must not create time series without
// limit.
const MAX_VERSIONS = 50;

// Completed rollbacks are left out: no printer runs the versions that they took back.
const TAKEN_BACK = `SELECT DISTINCT firmware_version AS version FROM rollback WHERE id IN
  (SELECT rollback_id FROM rollout WHERE status IN ('active', 'paused'))`;

/**
 * The server's metrics for Prometheus. No label names a printer, a user or an error's text: the number of time series depends only on
 * versions, active rollouts and routes.
 */
@Injectable()
export class Metrics implements OnApplicationShutdown {
  private readonly registry = new Registry();
  private readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'How long requests took, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [this.registry],
  });
  private readonly updates = new Counter({
    name: 'paperminder_updates_total',
    help: 'Updates that ended since the start, by result.',
    labelNames: ['result'],
    registers: [this.registry],
  });
  private readonly updateDuration = new Histogram({
    name: 'paperminder_update_duration_seconds',
    help: 'From the send of an update to its completion.',
    buckets: [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600],
    registers: [this.registry],
  });
  private readonly groupSize = new Histogram({
    name: 'paperminder_group_commit_size',
    help: 'Pieces of work in one transaction.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
    registers: [this.registry],
  });
  private readonly groupDuration = new Histogram({
    name: 'paperminder_group_commit_duration_seconds',
    help: 'From the begin of a transaction to the end of its commit.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers: [this.registry],
  });
  private readonly subscription: Subscription;

  constructor(
    private readonly database: Database,
    private readonly presence: Presence,
    private readonly connections: Connections,
    private readonly problems: ProblemCounts,
    private readonly aboutToRun: AboutToRun,
    requests: RequestLog,
    images: ImageCheck,
    events: RolloutEvents,
  ) {
    // The defaults that matter here are memory, CPU, open files and event-loop delay.
    collectDefaultMetrics({ register: this.registry });
    this.gauge('paperminder_build_info', 'The version of the server.', ['version'], (gauge) =>
      gauge.set({ version: VERSION }, 1),
    );
    this.gauge('paperminder_ws_connections', 'Open sockets.', [], (gauge) =>
      gauge.set(this.connections.count),
    );
    const refused = new Counter({
      name: 'paperminder_subscribes_refused_total',
      help: 'Printers that were not let in, by the code that they were told.',
      labelNames: ['code'],
      registers: [this.registry],
      collect: () => {
        refused.reset();
        for (const [code, count] of this.connections.refused) refused.inc({ code }, count);
      },
    });
    this.gauge('paperminder_printers', 'Printers by state.', ['state'], async (gauge) =>
      this.countPrinters(gauge),
    );
    this.gauge('paperminder_printers_by_version', 'Printers by version.', ['version'], async (gauge) =>
      this.countVersions(gauge),
    );
    this.gauge(
      'paperminder_printers_with_problems',
      'Printers whose last subscribe had something wrong, by field; "any" counts each printer once.',
      ['field'],
      async (gauge) => {
        for (const [field, printers] of await this.problems.byField(database.committed))
          gauge.set({ field }, printers);
      },
    );
    this.gauge('paperminder_damaged_images', 'Firmware binaries that are missing or damaged.', [], (gauge) =>
      gauge.set(images.damagedCount),
    );
    const help = 'Targets of active rollouts, by the state of their update.';
    this.gauge('paperminder_rollout_targets', help, ['rollout_id', 'status'], async (gauge) =>
      this.countTargets(gauge),
    );
    const left = 'Printers that still run a version that is being rolled back.';
    this.gauge('paperminder_rollback_printers', left, ['version'], async (gauge) =>
      this.countRollbacks(gauge),
    );
    const arriving = 'Printers that are about to run a version that is being rolled back.';
    this.gauge('paperminder_rollback_printers_under_way', arriving, ['version'], async (gauge) => {
      for (const version of await this.versionsTakenBack())
        gauge.set({ version }, await this.aboutToRun.count(version));
    });
    this.subscription = events.updateEnded.subscribe(({ status, seconds }) => {
      if (status === null) return;
      this.updates.inc({ result: status });
      if (status === 'completed') this.updateDuration.observe(seconds);
    });
    this.subscription.add(
      requests.requestFinished.subscribe(({ seconds, ...labels }) => this.requests.observe(labels, seconds)),
    );
    database.onCommit(({ jobs, seconds }) => {
      this.groupSize.observe(jobs);
      this.groupDuration.observe(seconds);
    });
  }

  /** All metrics in Prometheus' text format. */
  async text(): Promise<string> {
    return this.registry.metrics();
  }

  /** The content type of `text`. */
  get contentType(): string {
    return this.registry.contentType;
  }

  onApplicationShutdown(): void {
    this.subscription.unsubscribe();
    this.registry.clear();
  }

  private gauge(
    name: string,
    help: string,
    labelNames: string[],
    collect: (gauge: Gauge) => void | Promise<void>,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        return collect(gauge);
      },
    });
  }

  private async countPrinters(gauge: Gauge): Promise<void> {
    const known = await this.database.committed.count('SELECT sum(printers) FROM printer_count');
    gauge.set({ state: 'online' }, this.presence.count);
    gauge.set({ state: 'offline' }, known - this.presence.count);
  }

  private async countVersions(gauge: Gauge): Promise<void> {
    const rows = await this.database.committed.rows(
      `SELECT version_key AS "versionKey", sum(printers) AS printers FROM printer_count
        GROUP BY version_key ORDER BY printers DESC`,
    );
    for (const [index, { versionKey, printers }] of rows.entries()) {
      const version = index < MAX_VERSIONS ? versionOfKey(String(versionKey)) : 'other';
      gauge.inc({ version }, Number(printers));
    }
  }

  private async countRollbacks(gauge: Gauge): Promise<void> {
    const running = 'SELECT sum(printers) FROM printer_count WHERE version_key = ?';
    for (const version of await this.versionsTakenBack())
      gauge.set({ version }, await this.database.committed.count(running, versionKey(version)));
  }

  private async versionsTakenBack(): Promise<string[]> {
    return (await this.database.committed.rows(TAKEN_BACK)).map(({ version }) => String(version));
  }

  private async countTargets(gauge: Gauge): Promise<void> {
    const rows = await this.database.committed.rows(
      `SELECT id, ${COUNTER_COLUMNS.join(', ')} FROM rollout WHERE status = 'active'`,
    );
    for (const row of rows) {
      for (const status of TARGET_STATUSES)
        gauge.set({ rollout_id: String(row.id), status }, Number(row[counterColumn(status)]));
    }
  }
}
