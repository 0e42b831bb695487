import { Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { FirmwareModule } from '../firmware/firmware.module.js';
import type { GatedExpressAdapter } from '../http/server/gated-express-adapter.js';
import { AccessGate } from './access-gate.js';
import { Access } from './access.js';
import { ApiKeyController } from './api-key.controller.js';
import { ApiKey } from './api-key.entity.js';
import { ApiKeys } from './api-keys.js';
import { Claim } from './claim.js';
import { RequestLimits } from './request-limits.js';
import { WhoAmIController } from './whoami.controller.js';

/** Access to the management of the server: keys, their scopes, and the claim that creates the first one. */
@Module({
  imports: [TypeOrmModule.forFeature([ApiKey]), AuditModule, FirmwareModule],
  controllers: [ApiKeyController, WhoAmIController],
  providers: [Access, AccessGate, ApiKeys, Claim, RequestLimits],
  exports: [Access, RequestLimits],
})
export class AccessModule implements NestModule {
  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly gate: AccessGate,
  ) {}

  configure(): void {
    this.host.httpAdapter.setRouteGate((access) => this.gate.middlewareFor(access));
  }
}
