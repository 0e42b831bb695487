import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../http/api-answers.js';
import { Clock } from '../common/clock.js';
import { NoQuery } from '../http/reject-unknown-query.js';
import { DeclareAccess, RequireScope } from '../http/route-access.js';
import {
  ClaimDto,
  CreateKeyDto,
  KeyListResponse,
  KeyParam,
  NewKeyResponse,
  toKeyResponse,
  toNewApiKey,
} from './api-key.dto.js';
import { ApiKeys } from './api-keys.js';
import { Claim } from './claim.js';

/** The keys of the management. */
@ApiTags('keys')
@Controller('api/keys')
export class ApiKeyController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly claims: Claim,
    private readonly clock: Clock,
  ) {}

  @Post()
  @RequireScope('admin')
  @NoQuery()
  @ApiOperation({
    summary: 'Create a key',
    description: 'The response contains the key itself, which is not shown again.',
  })
  @ApiCreatedResponse({ type: NewKeyResponse })
  @ApiBadInput(
    'scopes',
    ['all'],
    'each value in scopes must be one of the following values: read, firmware:write, ...',
  )
  async create(@Body() dto: CreateKeyDto): Promise<NewKeyResponse> {
    const { key, row } = await this.claims.createKey(toNewApiKey(dto, this.clock.now()));
    return { ...toKeyResponse(row), key };
  }

  @Get()
  @RequireScope('admin')
  @NoQuery()
  @ApiOperation({
    summary: 'List the keys, revoked ones included',
    description: 'Without the keys themselves, which cannot be shown again.',
  })
  @ApiOkResponse({ type: KeyListResponse })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  async list(): Promise<KeyListResponse> {
    return { keys: (await this.keys.list()).map(toKeyResponse) };
  }

  @Delete(':key_id')
  @RequireScope('admin')
  @HttpCode(204)
  @NoQuery()
  @ApiOperation({
    summary: 'Revoke a key immediately and permanently',
    description: 'From then on, requests with it get 401.',
  })
  @ApiNoContentResponse({ description: 'Revoked' })
  @ApiBadInput('key_id', 'x', 'key_id must be an integer number')
  @ApiProblem(404, 'No such key', 'Key not found: 42')
  async revoke(@Param() param: KeyParam): Promise<void> {
    await this.keys.revoke(param.key_id);
  }

  @Post('claim')
  @DeclareAccess('claim')
  @NoQuery()
  @ApiOperation({
    summary: 'Claim the server: create its first admin key',
    description: 'With the one-time token from the file `claim-token` next to the database.',
  })
  @ApiCreatedResponse({ type: NewKeyResponse })
  @ApiBadInput('token', '', 'token must be longer than or equal to 1 characters')
  @ApiProblem(409, 'There is a key already', 'This server has been claimed already')
  async claim(@Body() dto: ClaimDto): Promise<NewKeyResponse> {
    const { key, row } = await this.claims.claim(dto.token, dto.name);
    return { ...toKeyResponse(row), key };
  }
}
