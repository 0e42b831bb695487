import { ApiProperty } from '@nestjs/swagger';
import type { Actor } from '../common/actor.js';
import { SCOPES } from '../http/scopes.js';
import type { Scope } from '../http/scopes.js';
import type { KeyHolder } from './api-keys.js';

const CALLER_KINDS = ['key', 'local', 'anybody'] as const;

/** The caller of a request. */
export class WhoAmIResponse {
  @ApiProperty({
    enum: CALLER_KINDS,
    example: 'key',
    description:
      '`local`: a local user of the server, before there is a key. `anybody`: no key is required (AUTH=none)',
  })
  kind!: (typeof CALLER_KINDS)[number];

  @ApiProperty({ type: String, nullable: true, example: 'build server', description: 'The name of the key' })
  name!: string | null;

  @ApiProperty({
    enum: SCOPES,
    isArray: true,
    example: ['firmware:write'],
    description: '`admin` includes all other scopes, and each of them includes `read`',
  })
  scopes!: Scope[];
}

/** Maps a caller to the response. A caller who needs no key has every scope. */
export function toWhoAmIResponse(actor: Actor, holder: KeyHolder | null): WhoAmIResponse {
  if (holder !== null) return { kind: 'key', name: holder.name, scopes: holder.scopes };
  return { kind: actor.kind === 'local' ? 'local' : 'anybody', name: null, scopes: ['admin'] };
}
