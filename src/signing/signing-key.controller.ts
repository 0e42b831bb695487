import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../http/api-answers.js';
import { NoQuery } from '../http/reject-unknown-query.js';
import { RequireScope } from '../http/route-access.js';
import {
  CreateSigningKeyDto,
  RemoveSigningKeyQuery,
  SigningKeyListResponse,
  SigningKeyParam,
  SigningKeyResponse,
  toPublicKey,
  toSigningKeyResponse,
} from './signing-key.dto.js';
import { SigningKeys } from './signing-keys.js';

/** The keys that firmware is signed with. */
@ApiTags('signing keys')
@Controller('api/signing-keys')
export class SigningKeyController {
  constructor(private readonly keys: SigningKeys) {}

  @Post()
  @RequireScope('admin')
  @NoQuery()
  @ApiOperation({
    summary: 'Register a key that firmware is signed with',
    description: 'Once a key is registered, every upload needs a signature by a registered key.',
  })
  @ApiCreatedResponse({ type: SigningKeyResponse })
  @ApiBadInput('public_key', '(5 characters, not repeated)', 'public_key must be a public key as PEM')
  @ApiProblem(409, 'It is registered already', 'The key 50cba7ab... is registered already: 1 (release 2025)')
  async register(@Body() dto: CreateSigningKeyDto): Promise<SigningKeyResponse> {
    return toSigningKeyResponse(await this.keys.register(dto.name, toPublicKey(dto)));
  }

  @Get()
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'List the signing keys, removed ones included',
    description: 'While any is registered, uploads need a signature by one of them.',
  })
  @ApiOkResponse({ type: SigningKeyListResponse })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  async list(): Promise<SigningKeyListResponse> {
    return { keys: (await this.keys.list()).map(toSigningKeyResponse) };
  }

  @Delete(':key_id')
  @RequireScope('admin')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Remove a signing key immediately',
    description: 'Builds signed with it do not change; deprecate those that must no longer be sent.',
  })
  @ApiNoContentResponse({ description: 'It is removed' })
  @ApiBadInput('key_id', 'x', 'key_id must be an integer number')
  @ApiProblem(404, 'No such key', 'Signing key not found: 42')
  @ApiProblem(
    409,
    'It is the last one, and allow_unsigned is not true',
    'Signing key 1 (release 2025) is the last one, and without it firmware would need no signature any more: ' +
      'register its successor first, or say ?allow_unsigned=true',
  )
  async remove(@Param() param: SigningKeyParam, @Query() query: RemoveSigningKeyQuery): Promise<void> {
    await this.keys.remove(param.key_id, query.allow_unsigned ?? false);
  }
}
