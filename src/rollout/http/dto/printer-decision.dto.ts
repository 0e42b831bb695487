import { ApiProperty } from '@nestjs/swagger';
import { REASONS } from '../../rules/decide.js';
import type { Reason, Evaluation } from '../../rules/decide.js';
import { ROLLOUT_STATUSES } from '../../rules/status.js';
import type { RolloutStatus } from '../../rules/status.js';
import type { RolloutRule } from '../../rules/targeting.js';
import type { Explanation } from '../../insight/printer-decision.js';

/** How one rollout evaluates a printer. */
export class RolloutEvaluationResponse {
  @ApiProperty({ type: Number, example: 3 })
  rollout_id!: number;

  @ApiProperty({ type: String, example: '1.5.0' })
  firmware_version!: string;

  @ApiProperty({ enum: ROLLOUT_STATUSES, example: 'active' })
  status!: RolloutStatus;

  @ApiProperty({ type: Number, minimum: 0, maximum: 100, example: 10 })
  rollout_percentage!: number;

  @ApiProperty({
    type: Boolean,
    example: false,
    description:
      'True if this rollout would send its update were there no others; if several would, the first one does',
  })
  due!: boolean;

  @ApiProperty({
    enum: Object.keys(REASONS),
    nullable: true,
    example: 'not_in_percentage',
    description: 'null if due',
  })
  reason!: Reason | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: REASONS.not_in_percentage,
    description: 'The reason in words',
  })
  description!: string | null;
}

/** What a printer would be sent now, or the reason for nothing. */
export class DecisionResponse {
  @ApiProperty({ type: String, format: 'uuid', example: '770e8400-e29b-41d4-a716-446655440000' })
  printer_id!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '1.4.0',
    description: 'The version that it runs; null if that cannot be read as a version',
  })
  firmware_version!: string | null;

  @ApiProperty({ type: Boolean, example: true })
  online!: boolean;

  @ApiProperty({ type: Boolean, example: false, description: 'Blocked by an operator' })
  blocked!: boolean;

  @ApiProperty({
    type: Boolean,
    example: false,
    description: 'An update is due: it is sent at once, or when the printer connects',
  })
  send!: boolean;

  @ApiProperty({
    type: Number,
    nullable: true,
    example: 3,
    description:
      'The rollout that sends the update, or the one that the reason is about; null if there is none',
  })
  rollout_id!: number | null;

  @ApiProperty({ type: String, nullable: true, example: null, description: 'null if nothing is sent' })
  target_version!: string | null;

  @ApiProperty({
    enum: Object.keys(REASONS),
    nullable: true,
    example: 'not_in_percentage',
    description:
      'null if an update is due; with several rollouts, the reason of the one that is closest to sending',
  })
  reason!: Reason | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: REASONS.not_in_percentage,
    description: 'The reason in words',
  })
  description!: string | null;

  @ApiProperty({
    type: Number,
    minimum: 0,
    maximum: 99,
    example: 94,
    description: 'A gradual rollout reaches the printer if its percentage is above this',
  })
  bucket!: number;

  @ApiProperty({
    type: [RolloutEvaluationResponse],
    description: 'All rollouts that are not cancelled, in the order of evaluation; at most 100',
  })
  rollouts!: RolloutEvaluationResponse[];
}

/** Maps a decision to its response. */
export function toDecisionResponse(explanation: Explanation): DecisionResponse {
  const { printer, online, bucket, verdicts } = explanation;
  return {
    printer_id: printer.uuid,
    firmware_version: printer.firmwareVersion,
    online,
    blocked: printer.blocked,
    ...toOutcome(explanation),
    bucket,
    rollouts: verdicts.map(({ rule, evaluation }) => toVerdictResponse(rule, evaluation)),
  };
}

type Outcome = Pick<DecisionResponse, 'send' | 'rollout_id' | 'target_version' | 'reason' | 'description'>;

function toOutcome({ printer, decision }: Explanation): Outcome {
  if (printer.blocked) return nothing('blocked', null);
  if (!decision.send) return nothing(decision.reason, decision.rolloutId);
  const { id, version } = decision.rule;
  return { send: true, rollout_id: id, target_version: version, reason: null, description: null };
}

function nothing(reason: Reason, rolloutId: number | null): Outcome {
  const description = REASONS[reason];
  return { send: false, rollout_id: rolloutId, target_version: null, reason, description };
}

function toVerdictResponse(rule: RolloutRule, evaluation: Evaluation): RolloutEvaluationResponse {
  const reason = 'refused' in evaluation ? evaluation.refused : null;
  return {
    rollout_id: rule.id,
    firmware_version: rule.version,
    status: rule.status,
    rollout_percentage: rule.percentage,
    due: reason === null,
    reason,
    description: reason && REASONS[reason],
  };
}
