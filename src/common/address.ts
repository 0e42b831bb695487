/** An address as text, with IPv4 in its own form where a dual-stack socket shows it inside IPv6 (`::ffff:192.0.2.1`). */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}
