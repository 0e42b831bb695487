import { describe, expect, it } from '@jest/globals';
import { trimBlanks } from '../../src/common/text.js';

describe('The ends of a text from a printer', () => {
  it.each([
    ['1.4.0\n', '1.4.0'],
    ['\u0000 1.4.0\u0000', '1.4.0'],
    ['\ufeff{"a": 1}\r\n', '{"a": 1}'],
    ['front desk', 'front desk'],
    [' \t\u0000\u0085', ''],
    ['', ''],
  ])('lose blanks and control characters: %j is %j', (text, trimmed) => {
    expect(trimBlanks(text)).toBe(trimmed);
  });

  it('are found in time that grows with the length, not with its square', () => {
    // By the square of the length these would take hours.
    const blanks = ' \t'.repeat(1_000_000);
    expect(trimBlanks(`x${blanks}x`)).toHaveLength(blanks.length + 2);
    expect(trimBlanks(`${blanks}x`)).toBe('x');
  });
});
