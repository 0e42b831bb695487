import type { Channel, Firmware, NewRollout } from '../../api/types';
import { CHANNELS, channelOf } from '../../ui/channels';
import { readUuids, uuidProblem } from './uuids';

export type Method = 'all' | 'channels' | 'user_ids' | 'printer_ids';
export type Pace = NewRollout['rollout_type'];

/** A rollout as it is being typed. */
export interface Draft {
  version: string;
  method: Method;
  channels: Channel[];
  /** The channels that narrow another method; none: whatever the channel. */
  narrowing: Channel[];
  /** The text of the list of each method that has one. */
  lists: Record<'user_ids' | 'printer_ids', string>;
  minVersion: string;
  maxVersion: string;
  pace: Pace;
  /** For each pace that has one, so that a change of mind forgets nothing. */
  percentages: Record<'gradual' | 'scheduled', string>;
  /** In the viewer's zone, as the field has it. */
  scheduledFor: string;
  allowDowngrade: boolean;
  /** Optional; '' for none. */
  name: string;
  note: string;
}

/** What is in the way of a rollout: `missing` until something is typed, `wrong` where that cannot be meant. */
export interface Problem {
  field: string;
  kind: 'missing' | 'wrong';
  message: string;
}

/** A version that can be rolled out, and the channels that offer it, the most stable first. */
export interface Choice {
  version: string;
  channels: Channel[];
}

/** The versions that are not deprecated, in the order in which they come. */
export function choicesOf(rows: readonly Firmware[]): Choice[] {
  const offered = rows.filter((row) => row.deprecated_at === null);
  return [...new Set(offered.map(({ version }) => version))].map((version) => ({
    version,
    channels: CHANNELS.filter((channel) =>
      offered.some((row) => row.version === version && row.channel === channel),
    ),
  }));
}

const CHOSEN = 'paperminder-chosen-printers';

/** The form as a link fills it in: `version`, `channel`, and `printers`, which is `chosen` or a list of UUIDs. */
export function firstDraft(query: Record<string, string>, choices: readonly Choice[]): Draft {
  const channel = channelOf(query.channel);
  const printers = query.printers === 'chosen' ? chosenPrinters() : (query.printers ?? '').split(',');
  const named = printers.filter((id) => id !== '');
  const version =
    query.version ??
    (choices.find(({ channels }) => channels.includes('stable')) ?? choices[0])?.version ??
    '';
  const home = choices.find((choice) => choice.version === version)?.channels[0] ?? 'stable';
  return {
    version,
    method: named.length > 0 ? 'printer_ids' : 'channels',
    channels: [channel ?? home],
    narrowing: named.length > 0 && channel !== null ? [channel] : [],
    lists: { user_ids: '', printer_ids: named.join('\n') },
    minVersion: '',
    maxVersion: '',
    pace: 'immediate',
    percentages: { gradual: '10', scheduled: '100' },
    scheduledFor: nextNight(),
    allowDowngrade: false,
    name: '',
    note: '',
  };
}

function chosenPrinters(): string[] {
  try {
    const ids: unknown = JSON.parse(sessionStorage.getItem(CHOSEN) ?? '[]');
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}

/** The next 2 a.m. as the value of a `datetime-local` field. */
function nextNight(): string {
  const night = new Date();
  if (night.getHours() >= 2) night.setDate(night.getDate() + 1);
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${night.getFullYear()}-${pad(night.getMonth() + 1)}-${pad(night.getDate())}T02:00`;
}

/** The instant that a `datetime-local` field names in the viewer's zone; null while it names none. */
export function instantOf(local: string): Date | null {
  const instant = new Date(local);
  return local === '' || Number.isNaN(instant.getTime()) ? null : instant;
}

/** The request for a draft; null while the draft is incomplete or invalid. */
export function toRequest(draft: Draft): { request: NewRollout | null; problems: Problem[] } {
  const problems: Problem[] = [];
  const add = (kind: Problem['kind'], field: string, message: string): void => {
    problems.push({ kind, field, message });
  };
  if (draft.version === '') add('missing', 'firmware_version', 'Choose a version');
  const target: NewRollout['target'] = {};
  if (draft.method === 'all') target.all = true;
  if (draft.method === 'user_ids' || draft.method === 'printer_ids') {
    const field = `target.${draft.method}`;
    const list = readUuids(draft.lists[draft.method]);
    const wrong = uuidProblem(list);
    const one = draft.method === 'user_ids' ? 'user' : 'printer';
    if (wrong !== null) add('wrong', field, wrong);
    else if (list.ids.length === 0) add('missing', field, `Enter the UUID of at least one ${one}`);
    target[draft.method] = list.ids;
  }
  const channels = channelsOf(draft);
  if (channels.length > 0) target.channels = channels;
  else if (draft.method === 'channels') add('missing', 'target.channels', 'Choose at least one channel');
  if (draft.minVersion.trim() !== '') target.min_version = draft.minVersion.trim();
  if (draft.maxVersion.trim() !== '') target.max_version = draft.maxVersion.trim();

  const request: NewRollout = {
    firmware_version: draft.version,
    target,
    rollout_type: draft.pace,
    allow_downgrade: draft.allowDowngrade,
  };
  if (draft.pace !== 'immediate') {
    const text = draft.percentages[draft.pace].trim();
    const percentage = Number(text);
    if (text === '') add('missing', 'rollout_percentage', 'Enter a percentage');
    else if (!Number.isInteger(percentage) || percentage < 0 || percentage > 100)
      add('wrong', 'rollout_percentage', 'The percentage must be a whole number from 0 to 100');
    request.rollout_percentage = percentage;
  }
  if (draft.pace === 'scheduled') {
    const instant = instantOf(draft.scheduledFor);
    if (instant === null) add('missing', 'scheduled_for', 'Enter a start time');
    else request.scheduled_for = instant.toISOString().replace('.000Z', 'Z');
  }
  if (draft.name.trim() !== '') request.name = draft.name.trim();
  if (draft.note.trim() !== '') request.note = draft.note.trim();
  return { request: problems.length === 0 ? request : null, problems };
}

/** The channels that count with the method that is chosen. */
export function channelsOf({ method, channels, narrowing }: Draft): Channel[] {
  return method === 'channels' ? channels : narrowing;
}

/** Channels that the rollout reaches, though they are more stable than any that has the version. */
export function unreadyChannels(draft: Draft, choices: readonly Choice[]): Channel[] {
  const home = choices.find(({ version }) => version === draft.version)?.channels[0];
  const chosen = channelsOf(draft);
  if (home === undefined || (chosen.length === 0 && draft.method !== 'all')) return [];
  return CHANNELS.slice(0, CHANNELS.indexOf(home)).filter(
    (channel) => chosen.length === 0 || chosen.includes(channel),
  );
}
