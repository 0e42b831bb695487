import type { components } from './schema';

type Schemas = components['schemas'];

export type Firmware = Schemas['FirmwareResponse'];
/** A build, with what was odd about its upload. */
export type UploadedFirmware = Schemas['UploadResponse'];
export type Channel = Firmware['channel'];
export type Rollout = Schemas['RolloutResponse'];
export type RolloutStatus = Rollout['status'];
export type RolloutType = Rollout['rollout_type'];
export type NewRollout = Schemas['CreateRolloutDto'];
export type RolloutChange = Schemas['ChangeRolloutDto'];
export type FirmwareChange = Schemas['ChangeFirmwareDto'];
export type Printer = Schemas['PrinterResponse'];
export type PrinterPage = Schemas['PrinterListResponse'];
export type PastUpdate = Schemas['UpdateResponse'];
/** How a target of a rollout stands. */
export type TargetState = PastUpdate['status'];
export type Decision = Schemas['DecisionResponse'];
export type Summary = Schemas['SummaryResponse'];
export type VersionCount = Schemas['VersionCountResponse'];
export type FleetHistory = Schemas['FleetHistoryResponse'];
export type Preview = Schemas['RolloutPreviewResponse'];
/** Printers that are counted together, for one reason. */
export type Counted = Preview['waiting'][number] | Preview['left_out'][number];
export type ChangePreview = Schemas['ChangePreviewResponse'];
export type Failures = Schemas['FailuresResponse'];
export type RolloutUpdates = Schemas['RolloutUpdateListResponse'];
export type Timeline = Schemas['TimelineResponse'];
export type SimulatedFleet = Schemas['SimulatorResponse'];
export type SimulatedPrinters = Schemas['AddPrintersDto'];
export type Caller = Schemas['WhoAmIResponse'];
export type Scope = Caller['scopes'][number];
export type Registration = Schemas['RegistrationResponse'];
export type RegistrationList = Schemas['RegistrationListResponse'];
export type RegistrationStatus = Registration['status'];
export type RollbackPreview = Schemas['RollbackPreviewResponse'];
export type RollbackRequest = Schemas['RollbackDto'];
export type Rollback = Schemas['RollbackResponse'];
export type Problem = Schemas['Problem'];
