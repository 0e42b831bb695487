import { Controller, HttpCode, Post, createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { ApiBadInput, ApiProblem } from '../../http/api-answers.js';
import { ValidationError } from '../../common/errors.js';
import { isDigits } from '../../http/query-fields.js';
import { RequireScope } from '../../http/route-access.js';
import { ApiPrinterKey, PrinterKey } from '../../printer/printer.dto.js';
import { UpdateResponse, toUpdateResponse } from './dto/update.dto.js';
import { UpdateHistory } from '../insight/update-history.js';
import { UpdateActions } from '../campaign/update-actions.js';

/** The update in a path, by its number. */
const UpdateId = createParamDecorator((_data: undefined, context: ExecutionContext) => {
  const { update_id: id } = context.switchToHttp().getRequest<Request>().params;
  if (!isDigits(id)) throw ValidationError.field('update_id', id, 'update_id must be an integer number');
  return Number(id);
});

const ApiUpdateId = (): MethodDecorator =>
  ApiParam({
    name: 'update_id',
    type: 'integer',
    description: 'As in the history of the printer',
    example: 123,
  });

/** What operators do to a single update of a printer. */
@ApiTags('printers')
@Controller('api/printers')
export class UpdateActionsController {
  constructor(
    private readonly actions: UpdateActions,
    private readonly history: UpdateHistory,
  ) {}

  @Post(':printer_id/updates/:update_id/abort')
  @HttpCode(200)
  @RequireScope('rollouts:write')
  @ApiOperation({
    summary: 'Abort an update in progress',
    description:
      'It fails with "aborted by an operator". A printer that is downloading continues: if it reconnects with ' +
      'the new version, the update still counts as completed.',
  })
  @ApiUpdateId()
  @ApiPrinterKey()
  @ApiOkResponse({ type: UpdateResponse })
  @ApiBadInput('update_id', 'x', 'update_id must be an integer number')
  @ApiProblem(404, 'No such printer, or no such update of it', 'Update not found: 123')
  @ApiProblem(409, 'The update is not in progress', 'Update 123 is completed, not in progress')
  async abort(@PrinterKey([]) key: number | string, @UpdateId() id: number): Promise<UpdateResponse> {
    const printer = await this.actions.abort(key, id);
    return toUpdateResponse(await this.history.one(printer, id), printer.uuid);
  }

  @Post(':printer_id/updates/:update_id/retry')
  @HttpCode(200)
  @RequireScope('rollouts:write')
  @ApiOperation({
    summary: 'Send a failed update again',
    description:
      'At once if the printer is connected, otherwise when it connects. The response is the failed update, which stays in the history; ' +
      'the printer is sent a new one.',
  })
  @ApiUpdateId()
  @ApiPrinterKey()
  @ApiOkResponse({ type: UpdateResponse })
  @ApiBadInput('update_id', 'x', 'update_id must be an integer number')
  @ApiProblem(404, 'No such printer, or no such update of it', 'Update not found: 123')
  @ApiProblem(
    409,
    'The update has not failed or was retried already, its rollout is cancelled, the printer is not a target of it, or another ' +
      'update of the printer is in progress',
    'The rollout of update 123 is cancelled or deleted and sends no updates',
  )
  async retry(@PrinterKey([]) key: number | string, @UpdateId() id: number): Promise<UpdateResponse> {
    const printer = await this.actions.retry(key, id);
    return toUpdateResponse(await this.history.one(printer, id), printer.uuid);
  }
}
