import { describe, expect, it } from '@jest/globals';
import { bucketOf } from '../../src/common/bucket.js';

describe('The bucket of a printer', () => {
  it.each([
    ['770e8400-e29b-41d4-a716-446655440000', 94],
    ['880e8400-e29b-41d4-a716-446655440001', 25],
    ['550e8400-e29b-41d4-a716-446655440000', 65],
    ['00000000-0000-0000-0000-000000000000', 47],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', 89],
  ])('of %s is %i', (uuid, bucket) => {
    expect(bucketOf(uuid)).toBe(bucket);
  });

  it('does not depend on the case of the UUID', () => {
    expect(bucketOf('FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF')).toBe(89);
  });
});
