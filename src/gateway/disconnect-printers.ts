import { Injectable } from '@nestjs/common';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { PrinterAdminService } from '../printer/printer-admin.service.js';
import { Connections } from './connections.js';

/** Closes the connections of a printer that an operator has blocked, deleted or changed; it reconnects and is checked again. */
@Injectable()
export class DisconnectPrinters implements OnModuleInit, OnModuleDestroy {
  private subscription: Subscription | undefined;

  constructor(
    private readonly printers: PrinterAdminService,
    private readonly connections: Connections,
  ) {}

  onModuleInit(): void {
    this.subscription = this.printers.credentialsChanged.subscribe(({ uuid, reason }) =>
      this.connections.dismiss(uuid, reason),
    );
  }

  onModuleDestroy(): void {
    this.subscription?.unsubscribe();
  }
}
