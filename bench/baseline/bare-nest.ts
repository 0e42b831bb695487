import 'reflect-metadata';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import Database from 'better-sqlite3';
import { tellListening } from '../ipc.js';

// The physical minimum of a read through Nest: one handler that runs one prepared statement.

const [port = '0', file = ''] = process.argv.slice(2);
const statement = new Database(file, { readonly: true }).prepare('SELECT * FROM printer WHERE id = ?');

@Controller('api/printers')
class PrinterController {
  @Get(':printer_id')
  get(@Param('printer_id') id: string): unknown {
    return statement.get(Number(id));
  }
}

@Module({ controllers: [PrinterController] })
class BareModule {}

const app = await NestFactory.create<NestExpressApplication>(BareModule, { logger: false });
app.disable('x-powered-by');
app.disable('etag');
await app.listen(Number(port), '127.0.0.1');
tellListening(Number(port));
