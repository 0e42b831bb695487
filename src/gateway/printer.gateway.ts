import type { IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayInit } from '@nestjs/websockets';
import type { RawData, WebSocket, WebSocketServer } from 'ws';
import { Clock } from '../common/clock.js';
import { ValidationError, PrinterRefusedError, UnavailableError } from '../common/errors.js';
import { Throttle } from '../common/limits/throttle.js';
import { AppConfig } from '../config/config.js';
import { PrinterAuthenticator } from '../printer/printer-authenticator.js';
import type { SubscribeRequest } from '../printer/subscribe-request.js';
import type { FoundProblem } from '../printer/printer-problems.js';
import { RolloutService } from '../rollout/rollout.service.js';
import { UpdateReports } from '../rollout/updates/update-reports.js';
import type { Report } from '../rollout/updates/plan/report.js';
import type { Connection } from './connection.js';
import { Connections } from './connections.js';
import type { RefusalCode } from './connections.js';
import { Handshakes, pathIdOf } from './handshakes.js';
import { parseMessage, statusMessage } from './messages.js';
import type { PrinterMessage, StatusCode } from './messages.js';

/**
 * The printers' sockets: turns messages into calls of services, and results into messages; contains no rules. Services handle printers'
 * work in the order of submission, so no message waits for the previous one, except behind a subscribe.
 */
@WebSocketGateway({ path: '/ws', perMessageDeflate: false })
export class PrinterGateway implements OnGatewayInit, OnGatewayConnection {
  private readonly logger = new Logger(PrinterGateway.name);
  private readonly refusalLogs = new Map<RefusalCode, Throttle>();
  private readonly failures = new Throttle();

  constructor(
    private readonly handshakes: Handshakes,
    private readonly connections: Connections,
    private readonly rollouts: RolloutService,
    private readonly reports: UpdateReports,
    private readonly authenticator: PrinterAuthenticator,
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {}

  afterInit(server: WebSocketServer): void {
    this.handshakes.listen(server);
  }

  handleConnection(socket: WebSocket, request: IncomingMessage): void {
    const pathId = pathIdOf(request);
    if (pathId === null) throw new Error('A socket was let in whose path has no UUID');
    const connection = this.connections.open(socket, request, pathId);
    socket.on('ping', () => this.mayGoOn(connection));
    socket.on('pong', () => {
      if (this.mayGoOn(connection)) connection.missedPings = 0;
    });
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (this.mayGoOn(connection)) this.receive(connection, data, isBinary);
    });
    socket.on('close', () => this.connections.remove(connection));
    this.tell(connection, 'info', 'connected');
  }

  /** Counts every frame, pings and pongs too; false if nothing more is accepted from this connection. */
  private mayGoOn(connection: Connection): boolean {
    if (connection.muted) return false;
    if (connection.mayReceive(this.config.maxMessagesPerSecond)) return true;
    connection.closeForMisuse('too many messages');
    return false;
  }

  private receive(connection: Connection, data: RawData, isBinary: boolean): void {
    // What a frame behind a subscribe may do depends on the answer to that.
    if (connection.isSubscribing) {
      connection.hold(() => this.receive(connection, data, isBinary));
      return;
    }
    const before = connection.work;
    // Answers keep the order of the messages, including answers to invalid ones.
    const refuse = (error: unknown): Promise<void> | void =>
      before === null ? this.refuse(connection, error) : before.then(() => this.refuse(connection, error));
    try {
      const message = understand(connection, data, isBinary);
      const work =
        message.kind === 'subscribe'
          ? this.subscribe(connection, message.hello, before)
          : this.report(connection, message.report, message.printerId);
      if (work === null) return;
      const handled = work.catch(refuse);
      connection.work = before === null ? handled : before.then(() => handled);
    } catch (error) {
      void refuse(error);
    }
  }

  private async subscribe(
    connection: Connection,
    hello: SubscribeRequest,
    before: Promise<void> | null,
  ): Promise<void> {
    connection.beginSubscribe();
    try {
      const answer = await this.carryOut(connection, hello);
      await before;
      connection.send(...answer);
    } catch (error) {
      await before;
      this.refuseSubscribe(connection, error);
    } finally {
      connection.endSubscribe();
    }
  }

  /** @returns the messages to answer with */
  private async carryOut(connection: Connection, hello: SubscribeRequest): Promise<string[]> {
    refuseAnother(connection, hello.uuid);
    const refusal = await this.refusalOf(hello);
    if (refusal !== null) throw refusal;
    connection.printerUuid = hello.uuid;
    const problems = this.connections.isContested(hello.uuid, connection)
      ? [...hello.problems, contested(hello)]
      : hello.problems;
    const { offer } = await this.rollouts.printerSubscribed({ ...hello, problems }, connection);
    const unused = problems.map(({ field }) => field).join(', ');
    const detail = `Subscribed as ${hello.name}${unused === '' ? '' : `; not usable: ${unused}`}`;
    const accepted = this.status('subscription_accepted', detail);
    return offer ? [accepted, connection.updateMessage(offer)] : [accepted];
  }

  private async refusalOf(hello: SubscribeRequest): Promise<PrinterRefusedError | null> {
    const refusal = await this.authenticator.refusal(hello);
    // One that asks for its registration for the first time is refused, too, but must be recorded.
    const isFirst = refusal?.code === 'approval_pending' && !(await this.authenticator.hasAsked(hello.uuid));
    return isFirst ? null : refusal;
  }

  private report(connection: Connection, report: Report, printerId: string | null): Promise<void> | null {
    if (connection.printerUuid === null) {
      throw ValidationError.field(
        'kind',
        `firmware_${report.kind}`,
        'the printer must subscribe before it reports',
      );
    }
    if (printerId !== null) refuseAnother(connection, printerId);
    return this.reports.report(connection.printerUuid, report, connection);
  }

  /**
   * Refuses a subscribe. If it could not be recorded at all, nothing may be decided from the old record: the connection is closed, and the
   * printer tries again.
   */
  private refuseSubscribe(connection: Connection, error: unknown): void {
    if (error instanceof ValidationError || error instanceof PrinterRefusedError)
      return this.refuse(connection, error);
    this.connections.refuse(connection, 'server_error');
    this.logFailure(error);
    this.tell(connection, 'server_error', 'The server failed to record this subscribe; connect again later');
    connection.closeToRetry('try again later');
  }

  private refuse(connection: Connection, error: unknown): void {
    if (error instanceof ValidationError) {
      if (connection.printerUuid === null) {
        this.connections.countRefusal('validation_error');
        this.logRefusal(connection, 'validation_error', error.message);
      }
      this.tell(connection, 'validation_error', error.message);
      return;
    }
    if (error instanceof PrinterRefusedError) {
      this.logRefusal(connection, error.code, error.message);
      this.connections.refuse(connection, error.code);
      this.tell(connection, error.code, error.message);
      // A blocked printer keeps no socket. The printer reconnects by itself, and the other refusals gain nothing from a quick retry.
      if (error.code === 'blocked') connection.dismiss('blocked by an operator');
      if (error.code === 'registration_limited') connection.closeToRetry('try again later');
      return;
    }
    this.logFailure(error);
    this.tell(connection, 'server_error', 'The server failed to handle this message; send it again later');
  }

  /** Logs a failure, at most once a minute: it may concern every message of every printer. An unavailable server is logged already. */
  private logFailure(error: unknown): void {
    if (error instanceof UnavailableError) return;
    this.failures.run(() =>
      this.logger.error(error instanceof Error ? (error.stack ?? error.message) : error),
    );
  }

  /** Logs a refusal at most once a minute for each code, because a refused board reconnects every half second. */
  private logRefusal({ origin }: Connection, code: RefusalCode, reason: string): void {
    let throttle = this.refusalLogs.get(code);
    if (throttle === undefined) {
      throttle = new Throttle();
      this.refusalLogs.set(code, throttle);
    }
    const counted = `paperminder_subscribes_refused_total{code="${code}"}`;
    throttle.run(() =>
      this.logger.warn(`A printer at ${origin.address} was refused: ${reason} (${counted} counts others)`),
    );
  }

  private tell(connection: Connection, code: StatusCode, detail: string): void {
    connection.send(this.status(code, detail));
  }

  private status(code: StatusCode, detail: string): string {
    return statusMessage(code, detail, this.clock.now());
  }
}

/** The problem of two boards that share one UUID. */
function contested({ uuid }: SubscribeRequest): FoundProblem {
  const message =
    'printer_id must be of one board: more than 5 connections replaced each other within a minute';
  return { field: 'printer_id', value: uuid, message };
}

/** A connection belongs to one printer from its first subscribe on. */
function refuseAnother({ printerUuid }: Connection, named: string): void {
  if (printerUuid !== null && printerUuid !== named)
    throw ValidationError.field('printer_id', named, `this connection speaks for printer ${printerUuid}`);
}

function understand(connection: Connection, data: RawData, isBinary: boolean): PrinterMessage {
  // ws delivers a text frame as one Buffer.
  if (isBinary || !Buffer.isBuffer(data))
    throw ValidationError.field('message', undefined, 'message must be a text frame');
  return parseMessage(data.toString('utf8'), connection.origin);
}
