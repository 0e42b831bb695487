import type { IncomingMessage } from 'node:http';
import type { Writable } from 'node:stream';
import { Module } from '@nestjs/common';
import type { NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { MulterModule } from '@nestjs/platform-express';
import type { MulterModuleOptions } from '@nestjs/platform-express';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { AppConfig } from '../config/config.js';
import type { GatedExpressAdapter } from '../http/server/gated-express-adapter.js';
import { SigningModule } from '../signing/signing.module.js';
import { SentFirmware } from './binaries/sent-firmware.entity.js';
import { ImagePatrol } from './binaries/image-patrol.js';
import { SharedBinaries } from './binaries/shared-binaries.js';
import { BinaryCache } from './binaries/binary-cache.js';
import { DownloadCounter } from './download/download-counter.js';
import { DownloadProgress } from './download/download-progress.js';
import { DownloadRows } from './download/download-rows.js';
import { DownloadTokens } from './download/download-tokens.js';
import { DownloadController } from './download/download.controller.js';
import { Downloads } from './download/downloads.js';
import { FirmwarePromotion } from './firmware-promotion.js';
import { FirmwareRows } from './firmware-rows.js';
import { FirmwareStorage } from './binaries/firmware-storage.js';
import { FirmwareController } from './firmware.controller.js';
import { Firmware } from './firmware.entity.js';
import { FirmwareService } from './firmware.service.js';
import { ImageCheck } from './binaries/image-check.js';
import { FirmwareUploads } from './uploads/firmware-uploads.js';
import { feedUtf8Form } from './uploads/form-encoding.js';
import { UploadChecks } from './uploads/upload-checks.js';
import { UploadWarnings } from './uploads/upload-warnings.js';
import { UploadEngine } from './uploads/upload-engine.js';

// Maximum UTF-8 bytes of one UTF-16 unit, which is what limits count as a character.
const BYTES_PER_CHARACTER = 3;
const SHORT_FIELD = 1_000;

/** Only the binary storage: the upload needs it before a controller is reached. */
@Module({ providers: [FirmwareStorage], exports: [FirmwareStorage] })
class FirmwareStorageModule {}

function uploadOptions(config: AppConfig, storage: FirmwareStorage): MulterModuleOptions {
  const fieldSize = Math.max(config.maxTextLength * BYTES_PER_CHARACTER, SHORT_FIELD);
  const options = {
    storage: new UploadEngine(storage),
    limits: {
      fileSize: config.maxFirmwareSize,
      files: 1,
      // More than the form has, so that unknown fields are refused by name.
      fields: 20,
      fieldSize,
    },
    // RFC 7578 §5.1: names are UTF-8.
    defParamCharset: 'utf8',
    streamHandler: (request: IncomingMessage, parser: Writable) => feedUtf8Form(request, parser, fieldSize),
  };
  return options;
}

/** Firmware: builds, their binaries and their download. */
@Module({
  imports: [
    FirmwareStorageModule,
    AuditModule,
    SigningModule,
    TypeOrmModule.forFeature([Firmware, SentFirmware]),
    MulterModule.registerAsync({
      imports: [FirmwareStorageModule],
      inject: [AppConfig, FirmwareStorage],
      useFactory: uploadOptions,
    }),
  ],
  controllers: [DownloadController, FirmwareController],
  providers: [
    BinaryCache,
    DownloadCounter,
    DownloadProgress,
    DownloadRows,
    DownloadTokens,
    Downloads,
    FirmwarePromotion,
    FirmwareRows,
    FirmwareService,
    FirmwareUploads,
    ImageCheck,
    ImagePatrol,
    SharedBinaries,
    UploadChecks,
    UploadWarnings,
  ],
  exports: [DownloadTokens, FirmwareService, ImageCheck, UploadWarnings],
})
export class FirmwareModule implements NestModule {
  constructor(
    private readonly host: HttpAdapterHost<GatedExpressAdapter>,
    private readonly downloads: Downloads,
  ) {}

  configure(): void {
    this.host.httpAdapter.setShortcut((request, response) =>
      this.downloads.sendFromMemory(request, response),
    );
  }
}
