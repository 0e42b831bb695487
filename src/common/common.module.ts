import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AppConfig } from '../config/config.js';
import { Clock } from './clock.js';

/** Shared by all modules: the clock and the settings. */
@Global()
@Module({})
export class CommonModule {
  static with(config: AppConfig): DynamicModule {
    return {
      module: CommonModule,
      providers: [Clock, { provide: AppConfig, useValue: config }],
      exports: [Clock, AppConfig],
    };
  }
}
