import { Module } from '@nestjs/common';
import { MulterModule } from '@nestjs/platform-express';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AppConfig } from '../config/config.js';
import { BinaryCache } from './binary-cache.js';
import { DownloadCounter } from './download-counter.js';
import { DownloadController } from './download.controller.js';
import { FastDownload } from './fast-download.js';
import { FirmwareStorage } from './firmware-storage.js';
import { FirmwareController } from './firmware.controller.js';
import { Firmware } from './firmware.entity.js';
import { FirmwareService } from './firmware.service.js';
import { ImageCheck } from './image-check.js';
import { UploadEngine } from './upload-engine.js';

/** The binaries alone: the upload needs them before a controller is reached. */
@Module({ providers: [FirmwareStorage], exports: [FirmwareStorage] })
class FirmwareStorageModule {}

/** Firmware: builds, their binaries and their download. */
@Module({
  imports: [
    FirmwareStorageModule,
    TypeOrmModule.forFeature([Firmware]),
    MulterModule.registerAsync({
      imports: [FirmwareStorageModule],
      inject: [AppConfig, FirmwareStorage],
      useFactory: (config: AppConfig, storage: FirmwareStorage) => ({
        storage: new UploadEngine(storage),
        limits: { fileSize: config.maxFirmwareSize, files: 1 },
      }),
    }),
  ],
  controllers: [DownloadController, FirmwareController],
  providers: [BinaryCache, DownloadCounter, FastDownload, FirmwareService, ImageCheck],
  exports: [FirmwareService, ImageCheck],
})
export class FirmwareModule {}
