import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Query } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { NoQuery } from '../../http/reject-unknown-query.js';
import { RequireScope } from '../../http/route-access.js';
import {
  DecideRegistrationDto,
  ListRegistrationsQuery,
  RegistrationListResponse,
  RegistrationParam,
  RegistrationResponse,
  toRegistrationListResponse,
  toRegistrationResponse,
} from './registration.dto.js';
import { Registrations } from './registrations.js';

const ApiUnknownPrinter = (): MethodDecorator =>
  ApiProblem(404, 'No such request', 'Registration not found: 00000000-0000-4000-8000-000000000000');

/** Requests of printers to be registered, on which an operator decides (`REGISTRATION=approve`). */
@ApiTags('printers')
@Controller('api/registrations')
export class RegistrationController {
  constructor(private readonly registrations: Registrations) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'List registration requests',
    description: 'Printers that await approval, and those that were rejected (`REGISTRATION=approve`).',
  })
  @ApiOkResponse({ type: RegistrationListResponse })
  @ApiBadInput('status', 'new', 'status must be one of the following values: pending, accepted, rejected')
  async list(@Query() query: ListRegistrationsQuery): Promise<RegistrationListResponse> {
    const { status, limit, cursor } = query;
    return toRegistrationListResponse(await this.registrations.page(status, limit, cursor));
  }

  @Patch(':printer_id')
  @RequireScope('admin')
  @NoQuery()
  @ApiOperation({
    summary: 'Accept or reject a printer',
    description:
      'An accepted printer is registered when it reconnects, which it does by itself. A rejected one is refused until it is ' +
      'accepted or its request is deleted.',
  })
  @ApiOkResponse({ type: RegistrationResponse })
  @ApiBadInput('status', 'yes', 'status must be one of the following values: pending, accepted, rejected')
  @ApiUnknownPrinter()
  async decide(
    @Param() param: RegistrationParam,
    @Body() dto: DecideRegistrationDto,
  ): Promise<RegistrationResponse> {
    return toRegistrationResponse(
      await this.registrations.decide(param.printer_id.toLowerCase(), dto.status),
    );
  }

  @Delete(':printer_id')
  @RequireScope('admin')
  @HttpCode(204)
  @NoQuery()
  @ApiOperation({
    summary: 'Delete a registration request',
    description: 'The printer may ask again the next time it connects.',
  })
  @ApiNoContentResponse({ description: 'The request was deleted' })
  @ApiBadInput('printer_id', 'x', 'printer_id must be a UUID')
  @ApiUnknownPrinter()
  async remove(@Param() param: RegistrationParam): Promise<void> {
    await this.registrations.remove(param.printer_id.toLowerCase());
  }
}
