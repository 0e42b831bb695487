/** Explanations of the server's refusal codes (printer protocol). */
const REFUSALS: Readonly<Record<string, string>> = {
  approval_pending: 'waiting for approval',
  registration_closed: 'registration is closed',
  unauthorized: 'wrong or missing api_key',
  blocked: 'blocked',
};

/** Why the server refuses a printer, in a few words; null if the message is not a refusal. */
export function refusalIn({ kind, code }: { kind?: unknown; code?: unknown }): string | null {
  const accepts = code === 'info' || code === 'subscription_accepted';
  if (kind !== 'status' || typeof code !== 'string' || accepts) return null;
  return REFUSALS[code] ?? code;
}

/** Why a socket to a server failed, in a few words. */
export function connectionTrouble(error: Error, server: string): string {
  // The wording of `ws` for a handshake that the server refused.
  const status = /^Unexpected server response: (\d+)$/.exec(error.message)?.[1];
  return status === undefined ? `no server answers at ${server}` : `refused with HTTP ${status} by ${server}`;
}
