import { Body, Controller, Delete, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
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
import { SimulatedFleet } from './simulated-fleet.js';
import { SimulatorSwitch } from './simulator-switch.js';
import { AddPrintersDto, SimulatorResponse, toNewPrinters, toSimulatorResponse } from './simulator.dto.js';

const ApiSwitchedOff = (): MethodDecorator =>
  ApiProblem(
    404,
    'The server was started without SIMULATOR=true',
    'The simulator is switched off: start the server with SIMULATOR=true',
  );
const ApiNoQuery = (): MethodDecorator => ApiBadInput('page', '2', 'page is not a known query parameter');

/** Virtual printers inside the server, to try it out without a board. */
@ApiTags('simulator')
@Controller('api/simulator')
export class SimulatorController {
  constructor(private readonly fleet: SimulatedFleet) {}

  @Get()
  @RequireScope('read')
  @UseGuards(SimulatorSwitch)
  @NoQuery()
  @ApiOperation({
    summary: 'List the virtual printers inside the server',
    description: 'Only with `SIMULATOR=true`; see `simulator` in `GET /api/summary`.',
  })
  @ApiOkResponse({ type: SimulatorResponse })
  @ApiNoQuery()
  @ApiSwitchedOff()
  list(): SimulatorResponse {
    return toSimulatorResponse(this.fleet.printers);
  }

  @Post()
  @RequireScope('admin')
  @UseGuards(SimulatorSwitch)
  @NoQuery()
  @ApiOperation({
    summary: 'Add virtual printers',
    description:
      'They connect to the port of the server and update like real boards. The server treats them like any ' +
      'other printer: with REGISTRATION=approve, each waits for approval.',
  })
  @ApiCreatedResponse({ type: SimulatorResponse })
  @ApiBadInput('printers', 501, 'printers must not be greater than 500')
  @ApiSwitchedOff()
  @ApiProblem(409, 'There would be too many', 'There are 490 virtual printers, and there may be 500: ...')
  add(@Body() dto: AddPrintersDto): SimulatorResponse {
    this.fleet.add(toNewPrinters(dto));
    return toSimulatorResponse(this.fleet.printers);
  }

  @Delete()
  @RequireScope('admin')
  @HttpCode(204)
  @UseGuards(SimulatorSwitch)
  @NoQuery()
  @ApiOperation({
    summary: 'Disconnect all virtual printers',
    description: 'They remain in the list of printers, as offline.',
  })
  @ApiNoContentResponse({ description: 'They have disconnected' })
  @ApiNoQuery()
  @ApiSwitchedOff()
  async removeAll(): Promise<void> {
    await this.fleet.removeAll();
  }
}
