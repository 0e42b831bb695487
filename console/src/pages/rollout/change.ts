import { api } from '../../api/api';
import { noteRollout } from '../../api/live';
import type { Rollout, RolloutChange } from '../../api/types';

/** What every question about a rollout is given. */
export interface DialogProps {
  rollout: Rollout;
  close: () => void;
}

/** Changes a rollout, and shows at once what the server answered. */
export async function change(id: number, to: RolloutChange): Promise<void> {
  noteRollout(await api.changeRollout(id, to));
}
