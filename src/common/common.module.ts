import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { Clock } from './clock.js';
import { Forwarding } from './forwarding.js';

/** What every module may use: the clock, the settings, and where requests come from. */
@Global()
@Module({})
export class CommonModule {
  static with(config: AppConfig): DynamicModule {
    return {
      module: CommonModule,
      providers: [Clock, Forwarding, { provide: AppConfig, useValue: config }],
      exports: [Clock, Forwarding, AppConfig],
    };
  }
}
