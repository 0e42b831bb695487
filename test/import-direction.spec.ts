import { describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';
import type { Linter } from 'eslint';
import tseslint from 'typescript-eslint';

// Types are not needed for this, and their service would keep the process alive.
const eslint = new ESLint({ overrideConfig: tseslint.configs.disableTypeChecked as Linter.Config });

/** Lints one import as if it stood in a file of the project. */
async function refused(file: string, imported: string): Promise<boolean> {
  const [result] = await eslint.lintText(`import '${imported}';\n`, { filePath: file });
  return result!.messages.some((message) => message.ruleId === 'no-restricted-imports');
}

describe('The import direction', () => {
  it.each([
    ['src/rollout/rollout.service.ts', '../gateway/connections.js', true],
    ['src/firmware/firmware.service.ts', '../rollout/rollout.service.js', true],
    ['src/firmware/firmware.service.ts', '../printer/printer.service.js', true],
    ['src/printer/printer.service.ts', '../firmware/firmware.service.js', true],
    ['src/signing/signing-keys.ts', '../firmware/firmware.service.js', true],
    ['src/rollout/rollout-admin.service.ts', '../signing/signing-keys.js', true],
    ['src/simulator/virtual-printer.ts', '../signing/ed25519.js', true],
    ['src/common/errors.ts', '../database/unit-of-work.js', true],
    ['src/database/unit-of-work.ts', '../firmware/firmware.entity.js', true],
    ['src/rollout/rollout.service.ts', '../fleet/census.js', true],
    ['src/fleet/event-streams.ts', '../gateway/connections.js', true],
    ['src/rollout/domain/decide.ts', '../rollout.entity.js', true],
    ['src/rollout/domain/decide.ts', 'typeorm', true],
    ['src/rollout/domain/decide.ts', '@nestjs/common', true],
    ['src/audit/audit-log.ts', '../rollout/rollout.entity.js', true],
    ['src/database/unit-of-work.ts', '../audit/audit-log.js', true],
    ['src/console/console-files.ts', '../printer/printer.service.js', true],
    ['src/simulator-control/simulated-fleet.ts', '../gateway/connections.js', true],
    ['src/gateway/printer.gateway.ts', '../simulator-control/simulated-fleet.js', true],
    ['src/simulator/fleet.ts', '../simulator-control/simulated-fleet.js', true],
    ['src/gateway/printer.gateway.ts', '../rollout/rollout.service.js', false],
    ['src/firmware/firmware.service.ts', '../audit/audit-log.js', false],
    ['src/gateway/printer.gateway.ts', '../printer/printer.service.js', false],
    ['src/rollout/rollout.service.ts', '../firmware/firmware.service.js', false],
    ['src/firmware/firmware.service.ts', '../signing/signing-keys.js', false],
    ['src/access/access.ts', '../console/console-path.js', false],
    ['src/simulator-control/simulated-fleet.ts', '../simulator/fleet.js', false],
    ['src/fleet/census.ts', '../rollout/rollout-rules.js', false],
    ['src/rollout/domain/decide.ts', './state.js', false],
    ['src/rollout/domain/targeting.ts', '../../common/channel.js', false],
  ])('of %s: an import of %s is refused: %s', async (file, imported, expected) => {
    expect(await refused(file, imported)).toBe(expected);
  });
});
