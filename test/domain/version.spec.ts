import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import semver from 'semver';
import {
  InvalidVersionError,
  isVersion,
  parseVersion,
  versionKey,
  versionOfKey,
} from '../../src/common/version.js';

const MAX = String(Number.MAX_SAFE_INTEGER);

describe('A version', () => {
  it.each([
    ['1.5.0', '1.5.0'],
    ['1.5', '1.5.0'],
    ['v1.5', '1.5.0'],
    ['v1.5.0', '1.5.0'],
    ['1.5.0-beta.2', '1.5.0-beta.2'],
    ['0.0.0', '0.0.0'],
    [`${MAX}.0.0`, `${MAX}.0.0`],
    [`1.0.0-${MAX}`, `1.0.0-${MAX}`],
    ['1.0.0-a--b.-', '1.0.0-a--b.-'],
  ])('%s is read as %s', (text, version) => {
    expect(parseVersion(text)).toBe(version);
  });

  it.each([
    '',
    '1',
    '1.',
    '1.2.3.4',
    'V1.5.0',
    'vv1.5.0',
    '=1.5.0',
    ' 1.5.0',
    '1.5.0 ',
    '1.5.0\n',
    '01.5.0',
    '1.05',
    '1.5.0-01',
    '1.5.0-',
    '1.5.0+build',
    '1.5+x',
    '１.５.０',
    '1.5.0\u0000',
    '../../etc/passwd',
    '%2e%2e',
    'latest',
    '9007199254740992.0.0',
    '1.0.0-9007199254740992',
    `1.0.0-${'a'.repeat(100)}`,
    '1'.repeat(10_000),
  ])('%j is refused', (text) => {
    expect(isVersion(text)).toBe(false);
    expect(() => parseVersion(text)).toThrow(InvalidVersionError);
  });

  const number = fc.oneof(fc.nat(20), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
  const identifier = fc.oneof(
    number.map(String),
    fc.stringMatching(/^[0-9A-Za-z-]{1,6}$/).filter((text) => !/^\d+$/.test(text)),
  );
  const version = fc
    .tuple(number, number, number, fc.array(identifier, { maxLength: 3 }))
    .map(
      ([major, minor, patch, pre]) =>
        `${major}.${minor}.${patch}${pre.length > 0 ? `-${pre.join('.')}` : ''}`,
    )
    .filter(isVersion);

  it('has a key whose order is the precedence of SemVer', () => {
    const near = fc.tuple(version, version, fc.boolean()).map(([a, b, sameCore]): [string, string] => {
      // Two random versions hardly ever share their numbers: give half of them the same ones.
      const core = a.split('-')[0]!;
      const pre = b.includes('-') ? b.slice(b.indexOf('-')) : '';
      const other = core + pre;
      return [a, sameCore && isVersion(other) ? other : b];
    });
    fc.assert(
      fc.property(near, ([a, b]) => {
        const [keyA, keyB] = [versionKey(a), versionKey(b)];
        expect(keyA < keyB ? -1 : keyA > keyB ? 1 : 0).toBe(semver.compare(a, b));
      }),
      { numRuns: 5_000 },
    );
  });

  it('can be read from its key', () => {
    fc.assert(
      fc.property(version, (one) => {
        expect(versionOfKey(versionKey(one))).toBe(one);
      }),
      { numRuns: 2_000 },
    );
  });

  it('orders the example of SemVer §11', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.2.0',
      '1.10.0',
      '2.0.0',
      '10.0.0',
    ];
    const keys = ordered.map(versionKey);
    expect([...keys].sort()).toEqual(keys);
  });
});
