import { Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { GatedExpressAdapter } from '../http/server/gated-express-adapter.js';
import { PrinterModule } from '../printer/printer.module.js';
import { RolloutModule } from '../rollout/rollout.module.js';
import { Connections } from './connections.js';
import { DisconnectPrinters } from './disconnect-printers.js';
import { Handshakes, upgradeRequired } from './handshakes.js';
import { Heartbeat } from './heartbeat.js';
import { PrinterGateway } from './printer.gateway.js';
import { RolloutPush } from './rollout-push.js';

/** The WebSocket side: printers' sockets, and the updates pushed to them. */
@Module({
  imports: [PrinterModule, RolloutModule],
  providers: [Connections, DisconnectPrinters, Handshakes, Heartbeat, PrinterGateway, RolloutPush],
  exports: [Connections],
})
export class GatewayModule implements NestModule {
  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly connections: Connections,
  ) {}

  configure(): void {
    const { httpAdapter } = this.host;
    httpAdapter.afterRoutes('open', () => httpAdapter.get('/ws/:user_id', upgradeRequired));
    // A printer that is refused its download, but still connected, would report a failure, which is final.
    httpAdapter.onStop(() => this.connections.closeForRestart());
  }
}
