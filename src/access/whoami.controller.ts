import { Controller, Get, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ApiBadInput } from '../http/api-answers.js';
import { NoQuery } from '../http/reject-unknown-query.js';
import { RequireScope } from '../http/route-access.js';
import { Access } from './access.js';
import { WhoAmIResponse, toWhoAmIResponse } from './whoami.dto.js';

/** Tells callers how this server identifies them. */
@ApiTags('keys')
@Controller('api/whoami')
export class WhoAmIController {
  constructor(private readonly access: Access) {}

  @Get()
  @RequireScope('read')
  @NoQuery()
  @ApiOperation({
    summary: 'Get the identity and the scopes of the caller',
    description: 'Any scope is sufficient. Without keys, local requests are accepted.',
  })
  @ApiOkResponse({ type: WhoAmIResponse })
  @ApiBadInput('page', '2', 'page is not a known query parameter')
  async whoAmI(@Req() request: Request): Promise<WhoAmIResponse> {
    const holder = await this.access.identify(request, 'read');
    return toWhoAmIResponse(await this.access.authorize(request, 'read', holder), holder);
  }
}
