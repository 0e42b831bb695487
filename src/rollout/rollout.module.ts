import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module.js';
import { FirmwareModule } from '../firmware/firmware.module.js';
import { PrinterModule } from '../printer/printer.module.js';
import { FailedPrinters } from './updates/failed-printers.js';
import { FirmwareWatch } from './firmware-watch.js';
import { FleetWalk } from './fleet-walk.js';
import { HistoryController } from './history.controller.js';
import { OfferService } from './offer.service.js';
import { PendingList } from './pending-list.js';
import { PendingTargets } from './pending-targets.js';
import { PrinterDecision } from './printer-decision.js';
import { PrinterWatch } from './printer-watch.js';
import { RolloutAdminService } from './rollout-admin.service.js';
import { RolloutDetailsController } from './rollout-details.controller.js';
import { RolloutDrafts } from './rollout-draft.js';
import { RolloutFailures } from './rollout-failures.js';
import { RolloutPresenter } from './campaign/rollout-presenter.js';
import { AffectedFleet } from './rollback/affected-printers.js';
import { RollbackCheck } from './rollback/rollback-check.js';
import { RollbackController } from './rollback/rollback.controller.js';
import { Rollback } from './rollback/rollback.entity.js';
import { Rollbacks } from './rollback/rollbacks.js';
import { RolloutLinks } from './rollback/rollout-links.js';
import { PendingBuckets } from './store/pending-buckets.js';
import { RolloutPending } from './store/rollout-pending.entity.js';
import { RolloutTargetRow } from './store/rollout-target.entity.js';
import { RolloutTargets } from './store/target-lists.js';
import { Superseding } from './rules/superseding.js';
import { RolloutPreviewController } from './rollout-preview.controller.js';
import { RolloutPreview } from './rollout-preview.js';
import { RolloutProgress } from './rollout-progress.js';
import { RolloutRules } from './rollout-rules.js';
import { RolloutSample } from './rollout-sample.entity.js';
import { RolloutSamples } from './rollout-samples.js';
import { RolloutUpdates } from './rollout-updates.js';
import { RolloutController } from './rollout.controller.js';
import { Rollout } from './rollout.entity.js';
import { RolloutEvents } from './rollout.events.js';
import { RolloutScheduler } from './rollout.scheduler.js';
import { RolloutService } from './rollout.service.js';
import { BuildReplacement } from './store/build-replacement.js';
import { RolloutBuild } from './store/rollout-build.entity.js';
import { RolloutBuilds } from './store/rollout-builds.js';
import { SentBuilds } from './store/sent-builds.js';
import { StuckUpdates } from './stuck-updates.js';
import { UploadAdvice } from './store/upload-advice.js';
import { UpdateEnding } from './update-ending.entity.js';
import { UpdateEndings } from './update-endings.js';
import { UpdateHistory } from './update-history.js';
import { UpdateJournal } from './update-journal.js';
import { UpdateReports } from './update-reports.js';
import { UpdateRetry } from './update-retry.js';
import { PrinterUpdate } from './update.entity.js';
import { CancelledPendingRow } from './updates/cancelled-pending.entity.js';
import { CancelledPending } from './updates/cancelled-pending.js';
import { ServiceTimeRow } from './updates/service-time.entity.js';
import { ServiceTime } from './updates/service-time.js';
import { ImageWatch } from './updates/image-watch.js';
import { UpdateActionsController } from './updates/update-actions.controller.js';
import { UpdateActions } from './updates/update-actions.js';
import { UpdateRecall } from './updates/update-recall.js';
import { VersionSettlement } from './version-settlement.js';
import { Withdrawal } from './withdrawal.entity.js';

/** Rollouts: the rule, the decision for each printer, and the life of every update. */
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
      UpdateEnding,
      Withdrawal,
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
    BuildReplacement,
    CancelledPending,
    AffectedFleet,
    FailedPrinters,
    FirmwareWatch,
    FleetWalk,
    ImageWatch,
    OfferService,
    PendingBuckets,
    PendingList,
    PendingTargets,
    PrinterDecision,
    PrinterWatch,
    RollbackCheck,
    Rollbacks,
    RolloutAdminService,
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
    StuckUpdates,
    Superseding,
    UpdateActions,
    UpdateEndings,
    UpdateHistory,
    UpdateJournal,
    UpdateRecall,
    UpdateReports,
    UpdateRetry,
    UploadAdvice,
    VersionSettlement,
  ],
  exports: [
    RolloutAdminService,
    RolloutPresenter,
    RolloutEvents,
    RolloutRules,
    RolloutService,
    UpdateEndings,
    UpdateReports,
  ],
})
export class RolloutModule {}
