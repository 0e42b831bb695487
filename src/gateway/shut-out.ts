import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { PrinterAdminService } from '../printer/printer-admin.service.js';
import { Connections } from './connections.js';

/** Closes the connection of a printer whose standing has changed: it comes back by itself, and is looked at anew. */
@Injectable()
export class ShutOut implements OnModuleInit, OnModuleDestroy {
  private subscription: Subscription | undefined;

  constructor(
    private readonly printers: PrinterAdminService,
    private readonly connections: Connections,
  ) {}

  onModuleInit(): void {
    this.subscription = this.printers.mustReconnect.subscribe((uuid) => this.connections.dismissAll(uuid));
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }
}
