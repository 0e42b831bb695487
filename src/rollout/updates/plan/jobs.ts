import type { DomainError } from '../../../common/errors.js';
import type { SubscribeRequest } from '../../../printer/subscribe-request.js';
import type { Report } from './report.js';
import type { Send } from './step.js';

/** A connection, by its identity alone: a plan only asks which one spoke for a printer last. */
export type Speaker = object;

/** Something that a printer has said or done, or that is due for it. Jobs of one printer are planned in the order of submission. */
export type PrinterJob =
  | {
      kind: 'subscribe';
      request: SubscribeRequest;
      speaker: Speaker;
    }
  | {
      kind: 'report';
      uuid: string;
      report: Report;
      speaker: Speaker;
      /** True if, when the batch began, this connection spoke for the printer. */
      speaks: boolean;
    }
  /** A connected printer may have an update. */
  | { kind: 'offer'; uuid: string; speaker: Speaker }
  /** Bytes of a download arrive at the printer. */
  | { kind: 'sign_of_life'; printerId: number; version: string }
  /** An update in progress may have reached a limit. */
  | { kind: 'limit'; printerId: number; limit: UpdateLimit };

/** The jobs of one kind. */
export type JobOf<Kind extends PrinterJob['kind']> = Extract<PrinterJob, { kind: Kind }>;

/** A limit that an update in progress may not exceed. */
export interface UpdateLimit {
  /** What the limit is counted from. */
  column: 'lastHeard' | 'lastSent';
  seconds: number;
  /** The error to record. */
  error: string;
}

/** What has become of a job. */
export interface Outcome {
  /** The printer; null if there is none. */
  uuid: string | null;
  /** Why the job changed nothing, to be told to the printer; null if it was accepted. */
  refused: DomainError | null;
  /** What is to be sent once everything is committed; null if nothing is. */
  send: Send | null;
  /** True if an update of another rollout may be due now. */
  mayHaveUpdate: boolean;
}
