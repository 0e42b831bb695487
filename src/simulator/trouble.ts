/** Codes of the server's refusals (printer protocol) in words. */
const REFUSALS: Readonly<Record<string, string>> = {
  approval_pending: 'waiting for approval',
  registration_closed: 'registration is closed',
  unauthorized: 'wrong or missing api_key',
  blocked: 'blocked',
};

/** Why a message of the server keeps a printer out, in a few words; null if it does not. */
export function refusalIn({ kind, code }: { kind?: unknown; code?: unknown }): string | null {
  const accepts = code === 'info' || code === 'subscription_accepted';
  if (kind !== 'status' || typeof code !== 'string' || accepts) return null;
  return REFUSALS[code] ?? code;
}

/** Why a socket to a server did not open or broke, in a few words. */
export function connectionTrouble(error: Error, server: string): string {
  // The words of `ws` for a handshake that was answered, and refused.
  const status = /^Unexpected server response: (\d+)$/.exec(error.message)?.[1];
  return status === undefined ? `no server answers at ${server}` : `refused with HTTP ${status} by ${server}`;
}
