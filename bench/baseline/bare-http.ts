import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tellListening } from '../ipc.js';

// The physical minimum of a download: bare node http that sends a Buffer.

const [port = '0', file = ''] = process.argv.slice(2);
const body = readFileSync(file);

createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length });
  response.end(body);
}).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 }, () => tellListening(Number(port)));
