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
  ApiProblem(404, 'It has not asked', 'Registration not found: 00000000-0000-4000-8000-000000000000');

/** Printers that ask to be registered, where `REGISTRATION=approve` lets an operator decide. */
@ApiTags('printers')
@Controller('api/registrations')
export class RegistrationController {
  constructor(private readonly registrations: Registrations) {}

  @Get()
  @RequireScope('read')
  @ApiOperation({
    summary: 'List the printers that ask to be registered',
    description: 'Printers that wait for an operator, and those that were refused (`REGISTRATION=approve`).',
  })
  @ApiOkResponse({ type: RegistrationListResponse })
  @ApiBadInput('status', 'new', 'status must be one of the following values: pending, accepted, rejected')
  list(@Query() query: ListRegistrationsQuery): RegistrationListResponse {
    const { status, limit, cursor } = query;
    return toRegistrationListResponse(this.registrations.page(status, limit, cursor));
  }

  @Patch(':printer_id')
  @RequireScope('admin')
  @NoQuery()
  @ApiOperation({
    summary: 'Accept or reject a printer',
    description:
      'One that is accepted is registered when it connects again, which it does by itself. One that is rejected is blocked: it stays ' +
      'out until it is accepted or forgotten.',
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
    summary: 'Forget that a printer has asked: it may ask again',
    description: 'The printer may ask again when it connects the next time.',
  })
  @ApiNoContentResponse({ description: 'It is forgotten' })
  @ApiBadInput('printer_id', 'x', 'printer_id must be a UUID')
  @ApiUnknownPrinter()
  async remove(@Param() param: RegistrationParam): Promise<void> {
    await this.registrations.remove(param.printer_id.toLowerCase());
  }
}
