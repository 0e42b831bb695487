import { createServer } from 'node:http';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';
import { answerParent, isRecord, tellListening } from '../ipc.js';
import { GroupedWrites } from './grouped-writes.js';

// The physical minimum of the printers' side: bare `ws`, JSON.parse, one grouped upsert, the answer after its commit.

const SLICE = 500;
const UPDATE = JSON.stringify({
  kind: 'firmware_update',
  version: '2.0.0',
  url: 'http://127.0.0.1:8000/api/firmware/download/2.0.0?channel=stable',
  md5: '5d41402abc4b2a76b9719d911017c592',
});

const [port = '0', folder = '.'] = process.argv.slice(2);
const writes = new GroupedWrites(join(folder, 'baseline.db'));
const sockets = new Map<WebSocket, string>();
let offers = false;

const http = createServer((_, response) => response.end('{}'));
const server = new WebSocketServer({ server: http, maxPayload: 16 * 1024, perMessageDeflate: false });

server.on('connection', (socket, request) => {
  const address = request.socket.remoteAddress ?? '';
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
  socket.on('message', (data: RawData) => receive(socket, address, data));
  socket.send(status('info', 'connected'));
});

function receive(socket: WebSocket, address: string, data: RawData): void {
  const message: unknown = JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : '{}');
  if (!isRecord(message)) return;
  if (message.kind === undefined) subscribe(socket, address, message);
  else if (message.kind !== 'firmware_progress') socket.send(status('validation_error', 'what is that?'));
}

function subscribe(socket: WebSocket, address: string, message: Record<string, unknown>): void {
  const uuid = text(message.printer_id);
  const offer = offers;
  sockets.set(socket, uuid);
  writes.add({
    row: {
      uuid,
      name: text(message.printer_name),
      userId: text(message.user_id),
      platform: text(message.platform),
      version: text(message.firmware_version),
      autoUpdate: message.auto_update === true ? 1 : 0,
      channel: text(message.update_channel),
      address,
    },
    offer,
    committed: () => {
      socket.send(status('subscription_accepted', `Subscribed as ${text(message.printer_name)}`));
      if (offer) socket.send(UPDATE);
    },
  });
}

/** Sends every socket an update whose row is on disk, giving the event loop back between slices. */
async function broadcast(): Promise<void> {
  const all = [...sockets];
  for (let start = 0; start < all.length; start += SLICE) {
    const slice = all.slice(start, start + SLICE);
    writes.insertUpdates(slice.map(([, uuid]) => uuid));
    for (const [socket] of slice) socket.send(UPDATE);
    await setImmediate();
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function status(code: string, detail: string): string {
  return JSON.stringify({ kind: 'status', code, detail, timestamp: new Date().toISOString() });
}

answerParent({
  offer: ({ on }) => {
    offers = on;
    return {};
  },
  broadcast: async () => {
    await broadcast();
    return {};
  },
});

// As the server does: clients are told that the service restarts.
process.on('SIGTERM', () => {
  for (const socket of server.clients) socket.close(1012);
  http.closeAllConnections();
  process.exit();
});
http.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => tellListening(Number(port)));
