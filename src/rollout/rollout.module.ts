import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { FirmwareModule } from '../firmware/firmware.module.js';
import { PrinterModule } from '../printer/printer.module.js';
import { FailedPrinters } from './insight/failed-printers.js';
import { FirmwareWatch } from './updates/watch/firmware-watch.js';
import { FleetWalk } from './store/fleet-walk.js';
import { HistoryController } from './http/history.controller.js';
import { PendingList } from './insight/pending-list.js';
import { PendingTargets } from './updates/pending-targets.js';
import { PrinterDecision } from './insight/printer-decision.js';
import { PrinterWatch } from './updates/watch/printer-watch.js';
import { Rollouts } from './campaign/rollouts.js';
import { RolloutDetailsController } from './http/rollout-details.controller.js';
import { RolloutDrafts } from './campaign/rollout-draft.js';
import { RolloutFailures } from './insight/rollout-failures.js';
import { RolloutPresenter } from './http/rollout-presenter.js';
import { AboutToRun } from './campaign/about-to-run.js';
import { OptedOutPrinters } from './campaign/opted-out.js';
import { AffectedFleet } from './campaign/affected-printers.js';
import { RollbackCheck } from './campaign/rollback-check.js';
import { RollbackController } from './http/rollback.controller.js';
import { Rollback } from './store/entities/rollback.entity.js';
import { Rollbacks } from './campaign/rollbacks.js';
import { RolloutLinks } from './insight/rollout-links.js';
import { PendingBuckets } from './store/pending-buckets.js';
import { RolloutPending } from './store/entities/rollout-pending.entity.js';
import { RolloutTargetRow } from './store/entities/rollout-target.entity.js';
import { RolloutTargets } from './store/target-lists.js';
import { Superseding } from './updates/superseding.js';
import { RolloutPreviewController } from './http/rollout-preview.controller.js';
import { RolloutPreview } from './insight/rollout-preview.js';
import { RolloutProgress } from './updates/rollout-progress.js';
import { RolloutRules } from './store/rollout-rules.js';
import { RolloutSample } from './store/entities/rollout-sample.entity.js';
import { RolloutSamples } from './store/rollout-samples.js';
import { RolloutUpdates } from './insight/rollout-updates.js';
import { RolloutController } from './http/rollout.controller.js';
import { Rollout } from './store/entities/rollout.entity.js';
import { RolloutEvents } from './store/rollout.events.js';
import { RolloutScheduler } from './campaign/rollout.scheduler.js';
import { RolloutService } from './rollout.service.js';
import { BuildReplacement } from './updates/watch/build-replacement.js';
import { RolloutBuild } from './store/entities/rollout-build.entity.js';
import { RolloutBuilds } from './store/rollout-builds.js';
import { SentBuilds } from './store/sent-builds.js';
import { UpdateLimits } from './updates/update-limits.js';
import { UploadAdvice } from './insight/upload-advice.js';
import { OutcomeCount } from './store/entities/outcome-count.entity.js';
import { OutcomeCounts } from './store/outcome-counts.js';
import { UpdateHistory } from './insight/update-history.js';
import { UpdateReports } from './updates/update-reports.js';
import { UpdateRetry } from './updates/update-retry.js';
import { PrinterUpdate } from './store/entities/printer-update.entity.js';
import { CancelledPendingRow } from './store/entities/cancelled-pending.entity.js';
import { CancelledPending } from './store/cancelled-pending.js';
import { ServiceTimeRow } from './store/entities/service-time.entity.js';
import { ServiceTime } from './store/service-time.js';
import { ImageWatch } from './updates/watch/image-watch.js';
import { UpdateActionsController } from './http/update-actions.controller.js';
import { UpdateActions } from './campaign/update-actions.js';
import { RolloutCancellation } from './store/entities/rollout-cancellation.entity.js';
import { Batch } from './updates/batch.js';
import { FleetStore } from './updates/fleet-store.js';
import { Inbox } from './updates/inbox.js';
import { OperatorUpdates } from './updates/operator-updates.js';
import { ProgressStore } from './updates/progress-store.js';
import { PlanContexts } from './updates/plan-contexts.js';
import { CountingUpdates } from './store/counting-updates.js';

/** Rollouts: the rules, the decision for each printer, and the life cycle of every update. */
@Module({
  imports: [
    TypeOrmModule.forFeature([
      CancelledPendingRow,
      Rollback,
      Rollout,
      RolloutBuild,
      RolloutPending,
      RolloutSample,
      RolloutTargetRow,
      PrinterUpdate,
      ServiceTimeRow,
      OutcomeCount,
      RolloutCancellation,
    ]),
    AuditModule,
    FirmwareModule,
    PrinterModule,
  ],
  controllers: [
    RollbackController,
    RolloutController,
    RolloutPreviewController,
    RolloutDetailsController,
    HistoryController,
    UpdateActionsController,
  ],
  providers: [
    Batch,
    CountingUpdates,
    FleetStore,
    Inbox,
    OperatorUpdates,
    PlanContexts,
    ProgressStore,
    BuildReplacement,
    CancelledPending,
    AboutToRun,
    OptedOutPrinters,
    AffectedFleet,
    FailedPrinters,
    FirmwareWatch,
    FleetWalk,
    ImageWatch,
    PendingBuckets,
    PendingList,
    PendingTargets,
    PrinterDecision,
    PrinterWatch,
    RollbackCheck,
    Rollbacks,
    Rollouts,
    RolloutBuilds,
    RolloutDrafts,
    RolloutEvents,
    RolloutFailures,
    RolloutLinks,
    RolloutPresenter,
    RolloutPreview,
    RolloutProgress,
    RolloutRules,
    RolloutSamples,
    RolloutTargets,
    RolloutScheduler,
    RolloutService,
    RolloutUpdates,
    SentBuilds,
    ServiceTime,
    UpdateLimits,
    Superseding,
    UpdateActions,
    OutcomeCounts,
    UpdateHistory,
    UpdateReports,
    UpdateRetry,
    UploadAdvice,
  ],
  exports: [
    AboutToRun,
    Rollouts,
    RolloutPresenter,
    RolloutEvents,
    RolloutRules,
    RolloutService,
    OutcomeCounts,
    UpdateReports,
  ],
})
export class RolloutModule {}
