import { Module } from '@nestjs/common';
import { PrinterModule } from '../printer/printer.module.js';
import { RolloutModule } from '../rollout/rollout.module.js';
import { Connections } from './connections.js';
import { Heartbeat } from './heartbeat.js';
import { PrinterGateway } from './printer.gateway.js';
import { RolloutPush } from './rollout-push.js';
import { DisconnectPrinters } from './disconnect-printers.js';

/** The WebSocket side: printers' sockets, and the updates pushed to them. */
@Module({
  imports: [PrinterModule, RolloutModule],
  providers: [Connections, Heartbeat, PrinterGateway, RolloutPush, DisconnectPrinters],
  exports: [Connections],
})
export class GatewayModule {}
