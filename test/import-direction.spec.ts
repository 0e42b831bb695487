import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';
import type { Linter } from 'eslint';
import tseslint from 'typescript-eslint';
import ts from 'typescript';

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
    ['src/rollout/campaign/rollouts.ts', '../../signing/signing-keys.js', true],
    ['src/simulator/virtual-printer.ts', '../signing/ed25519.js', true],
    ['src/common/errors.ts', '../database/write-queue.js', true],
    ['src/database/write-queue.ts', '../firmware/firmware.entity.js', true],
    ['src/rollout/rollout.service.ts', '../fleet/version-breakdown.js', true],
    ['src/fleet/events/event-streams.ts', '../../gateway/connections.js', true],
    ['src/rollout/rules/decide.ts', '../store/rollout-rules.js', true],
    ['src/rollout/rules/decide.ts', 'typeorm', true],
    ['src/rollout/rules/decide.ts', '@nestjs/common', true],
    ['src/audit/audit-log.ts', '../rollout/rollout.entity.js', true],
    ['src/database/write-queue.ts', '../audit/audit-log.js', true],
    ['src/console/console-files.ts', '../printer/printer.service.js', true],
    ['src/simulator-control/simulated-fleet.ts', '../gateway/connections.js', true],
    ['src/gateway/printer.gateway.ts', '../simulator-control/simulated-fleet.js', true],
    ['src/simulator/fleet.ts', '../simulator-control/simulated-fleet.js', true],
    ['src/http/server/request-log.ts', '../../metrics/metrics.js', true],
    ['src/rollout/store/rollout-rules.ts', '../updates/update-lifecycle.js', true],
    ['src/rollout/store/entities/rollout.entity.ts', '../../updates/update-lifecycle.js', true],
    ['src/rollout/updates/update-lifecycle.ts', '../campaign/rollouts.js', true],
    ['src/rollout/campaign/rollouts.ts', '../insight/rollout-preview.js', true],
    ['src/rollout/insight/rollout-preview.ts', '../http/rollout.controller.js', true],
    ['src/rollout/http/dto/rollout.dto.ts', '../../../gateway/connections.js', true],
    ['src/rollout/http/dto/rollout.dto.ts', '../../campaign/rollout-draft.js', false],
    ['src/rollout/updates/update-lifecycle.ts', '../store/rollout-rules.js', false],
    ['src/rollout/updates/update-lifecycle.ts', '../../http/forwarding.js', false],
    ['src/gateway/printer.gateway.ts', '../rollout/rollout.service.js', false],
    ['src/firmware/firmware.service.ts', '../audit/audit-log.js', false],
    ['src/gateway/printer.gateway.ts', '../printer/printer.service.js', false],
    ['src/rollout/rollout.service.ts', '../firmware/firmware.service.js', false],
    ['src/firmware/firmware.service.ts', '../signing/signing-keys.js', false],
    ['src/access/access.ts', '../console/console-path.js', false],
    ['src/simulator-control/simulated-fleet.ts', '../simulator/fleet.js', false],
    ['src/fleet/version-breakdown.ts', '../rollout/store/rollout-rules.js', false],
    ['src/rollout/updates/plan/plan.ts', '@nestjs/common', true],
    ['src/rollout/updates/plan/plan.ts', '../fleet-store.js', true],
    ['src/rollout/updates/plan/plan.ts', '../../campaign/rollouts.js', true],
    ['src/rollout/updates/plan/plan.ts', '../../../database/database.js', true],
    ['src/rollout/updates/plan/plan.ts', './offer.js', false],
    ['src/rollout/updates/plan/plan.ts', '../../rules/decide.js', false],
    ['src/rollout/updates/plan/plan.ts', '../../../common/errors.js', false],
    ['src/rollout/rules/decide.ts', './status.js', false],
    ['src/rollout/rules/targeting.ts', '../../common/channel.js', false],
  ])('of %s: an import of %s is refused: %s', async (file, imported, expected) => {
    expect(await refused(file, imported)).toBe(expected);
  });

  it('has no circle, types included', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const imports = new Map(files.map((name) => [join('src', name), importsOf(join('src', name))]));
    expect(imports.size).toBeGreaterThan(200);
    // What imports nothing that is left is in no circle; what stays behind at the end is.
    for (let before = -1; before !== imports.size;) {
      before = imports.size;
      for (const [file, targets] of imports)
        if (targets.every((target) => !imports.has(target))) imports.delete(file);
    }
    expect([...imports.keys()]).toEqual([]);
  });
});

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'));
  return importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => join(dirname(file), fileName).replace(/js$/, 'ts'));
}
