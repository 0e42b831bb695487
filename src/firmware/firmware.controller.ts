import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  Param,
  Patch,
  Post,
  Query,
  Res,
  UploadedFile,
  UseInterceptors,
} from '@nestjs/common';
import { FileInterceptor } from '@nestjs/platform-express';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { ApiBadInput, ApiProblem } from '../http/api-answers.js';
import { ValidationError } from '../common/errors.js';
import { NoQuery } from '../http/reject-unknown-query.js';
import { RequireScope } from '../http/route-access.js';
import { FirmwareResponse, UploadResponse, toFirmwareResponse } from './firmware-response.dto.js';
import {
  ChangeFirmwareDto,
  ChannelQuery,
  FirmwareRowQuery,
  PromoteFirmwareDto,
  UploadFirmwareDto,
  VersionParam,
  toFirmwareChange,
  toNewFirmware,
  toSelector,
} from './firmware.dto.js';
import { FirmwarePromotion } from './firmware-promotion.js';
import type { Firmware } from './firmware.entity.js';
import { FirmwareService } from './firmware.service.js';
import { ImageCheck } from './binaries/image-check.js';
import { FirmwareUploads } from './uploads/firmware-uploads.js';
import { UploadErrorsInterceptor } from './uploads/upload-errors.interceptor.js';
import { UploadWarnings } from './uploads/upload-warnings.js';
import type { UploadedBinary } from './uploads/upload-engine.js';

const CHANGES = {
  notes: { summary: 'Change the notes', value: { release_notes: 'Fixes the paper sensor', changelog: null } },
  deprecate: { summary: 'Stop offering it', value: { deprecated: true } },
  mandatory: { summary: 'Send it to printers with auto_update off, too', value: { mandatory: true } },
};

const ApiBadChannel = (): MethodDecorator =>
  ApiBadInput('channel', 'stabel', 'channel must be one of the following values: stable, beta, canary');
const ApiUnknownVersion = (): MethodDecorator =>
  ApiProblem(404, 'No such firmware', 'Firmware version not found: 1.5.0');

/** The firmware endpoints (guide, "Firmware Endpoints") except the download. */
@ApiTags('firmware')
@Controller('api/firmware')
export class FirmwareController {
  constructor(
    private readonly firmware: FirmwareService,
    private readonly uploads: FirmwareUploads,
    private readonly promotion: FirmwarePromotion,
    private readonly images: ImageCheck,
    private readonly warnings: UploadWarnings,
  ) {}

  @Post('upload')
  @RequireScope('firmware:write')
  @NoQuery()
  @UseInterceptors(UploadErrorsInterceptor, FileInterceptor('file'))
  @ApiOperation({
    summary: 'Upload a firmware binary',
    description:
      'For each channel and platform, a version always means the same binary. The file is hashed as it arrives. ' +
      'Uploading the same file again for the same version, channel and platform repairs a binary that is missing or damaged on disk: 200 ' +
      'with the unchanged row, and the printers that wait for it get it.',
  })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ type: UploadFirmwareDto })
  @ApiCreatedResponse({ type: UploadResponse })
  @ApiOkResponse({ type: UploadResponse, description: 'Its damaged binary has been repaired' })
  @ApiBadInput('version', '1.x', 'version must be a semantic version such as 1.5.0 or 1.5.0-beta.2')
  @ApiProblem(
    409,
    'The channel has the version, or the version names other bytes: those of another channel, or those that printers were sent',
    'Firmware version already exists: 1.5.0 in stable for every board',
  )
  @ApiProblem(413, 'The file exceeds the limit', 'File too large: at most 5242880 bytes (MAX_FIRMWARE_SIZE)')
  @ApiProblem(415, 'The body is a multipart form of another kind', 'Unsupported content type')
  async upload(
    @Body() dto: UploadFirmwareDto,
    @UploadedFile() file: Express.Multer.File | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<UploadResponse> {
    if (!file) throw ValidationError.field('file', undefined, 'file must be a file');
    const binary = file as UploadedBinary;
    const { firmware, mended } = await this.uploads.upload(toNewFirmware(dto), binary);
    response.status(mended ? HttpStatus.OK : HttpStatus.CREATED);
    return { ...this.respond(firmware), warnings: await this.warnings.of(firmware, binary.firstByte) };
  }

  @Get('latest')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Get the latest firmware of a channel: the highest version that is not deprecated',
    description: 'By version precedence, not by upload time.',
  })
  @ApiOkResponse({ type: FirmwareResponse })
  @ApiBadChannel()
  @ApiProblem(404, 'The channel has no firmware', 'No firmware in channel beta')
  async latest(@Query() query: ChannelQuery): Promise<FirmwareResponse> {
    return this.respond(await this.firmware.latest(query.channel ?? 'stable'));
  }

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'List all firmware, highest version first',
    description: 'One row for each version, channel and platform.',
  })
  @ApiOkResponse({ type: [FirmwareResponse] })
  @ApiBadChannel()
  async list(@Query() query: ChannelQuery): Promise<FirmwareResponse[]> {
    return (await this.firmware.list(query.channel)).map((row) => this.respond(row));
  }

  @Get(':version')
  @RequireScope('read')
  @ApiOperation({
    summary: 'Get one firmware version',
    description: 'Without channel and platform: the most stable channel, the build for every board first.',
  })
  @ApiOkResponse({ type: FirmwareResponse })
  @ApiBadChannel()
  @ApiUnknownVersion()
  async get(@Param() param: VersionParam, @Query() query: FirmwareRowQuery): Promise<FirmwareResponse> {
    return this.respond(await this.firmware.get(toSelector(param, query)));
  }

  @Patch(':version')
  @RequireScope('firmware:write')
  @ApiOperation({
    summary: 'Change the notes or the mandatory flag, deprecate, or add a signature',
    description:
      'Without channel and platform: every row of the version. The response is that of GET for the same URL.',
  })
  @ApiBody({ type: ChangeFirmwareDto, examples: CHANGES })
  @ApiOkResponse({ type: FirmwareResponse })
  @ApiBadInput('deprecated', 'yes', 'deprecated must be a boolean value')
  @ApiUnknownVersion()
  async change(
    @Param() param: VersionParam,
    @Query() query: FirmwareRowQuery,
    @Body() dto: ChangeFirmwareDto,
  ): Promise<FirmwareResponse> {
    const change = toFirmwareChange(dto);
    return this.respond(await this.firmware.change(toSelector(param, query), change));
  }

  @Post(':version/promote')
  @RequireScope('firmware:write')
  @ApiOperation({
    summary: 'Offer a version in another channel, too',
    description:
      'The same binary with the same notes, signature, mandatory flag and min_upgrade_version; nothing is uploaded again. Without ' +
      'channel: for each platform the build in the most stable channel. Either all of them succeed or none. Returns the new rows.',
  })
  @ApiCreatedResponse({ type: [FirmwareResponse] })
  @ApiBadInput('to', 'canary', 'to must be another channel than that of ?channel=canary')
  @ApiUnknownVersion()
  @ApiProblem(
    409,
    'The channel has the version, the build is deprecated, or it lacks a signature that is needed',
    'Firmware version already exists: 1.5.0 in beta for every board',
  )
  async promote(
    @Param() param: VersionParam,
    @Query() query: FirmwareRowQuery,
    @Body() dto: PromoteFirmwareDto,
  ): Promise<FirmwareResponse[]> {
    const added = await this.promotion.promote(toSelector(param, query), dto.to);
    return added.map((row) => this.respond(row));
  }

  @Delete(':version')
  @RequireScope('firmware:write')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete a firmware version',
    description:
      'Without channel and platform: every row of the version. The binary is deleted with its last row. Refused while a rollout that is ' +
      'not cancelled could send one of them, unless another channel has the same build: the rollout then continues with that one.',
  })
  @ApiNoContentResponse({ description: 'Deleted' })
  @ApiBadChannel()
  @ApiUnknownVersion()
  @ApiProblem(409, 'A rollout needs it', 'Firmware 1.5.0 is in use by rollout 3 (active)')
  async remove(@Param() param: VersionParam, @Query() query: FirmwareRowQuery): Promise<void> {
    await this.firmware.remove(toSelector(param, query));
  }

  private respond(row: Firmware): FirmwareResponse {
    return toFirmwareResponse(row, this.images.isDamaged(row));
  }
}
