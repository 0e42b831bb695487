import { describe, expect, it } from '@jest/globals';
import { fromPostgresText, toPostgresJson, toPostgresText } from '../src/database/postgres/texts.js';
import { translate } from '../src/database/postgres/translate.js';
import { INSTANT, IN_INTEGERS, IN_TEXTS, hasInteger, rowsOf } from '../src/database/sql.js';

describe('A statement for PostgreSQL', () => {
  it.each([
    ['SELECT 1 FROM a WHERE b = ? AND c = ?', 'SELECT 1 FROM a WHERE b = $1 AND c = $2', [false, false]],
    [`id ${IN_INTEGERS}`, `id = ANY (translate($1, '[]', '{}')::bigint[])`, [false]],
    [`uuid ${IN_TEXTS}`, 'uuid = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))', [true]],
    [
      `SELECT id FROM ${rowsOf({ id: 'integer', at: 'instant' })}`,
      'SELECT id FROM (SELECT (value ->> 0)::bigint AS id, (value ->> 1)::timestamptz(3) AS at FROM jsonb_array_elements($1::jsonb))',
      [true],
    ],
    [`WHERE ${hasInteger('c.ids', '?')}`, 'WHERE c.ids::jsonb @> to_jsonb($1::bigint)', [false]],
    [`SELECT id, ${INSTANT} FROM a`, 'SELECT id, $1::timestamptz(3) FROM a', [false]],
    [
      'WHERE +user_id = ? AND (+a = 1) AND b + c > 0',
      'WHERE user_id = $1 AND (a = 1) AND b + c > 0',
      [false],
    ],
    ['ORDER BY name COLLATE NOCASE, (name) COLLATE NOCASE', 'ORDER BY lower(name), lower((name))', []],
    [`name LIKE ? ESCAPE '\\'`, `name ILIKE $1 ESCAPE '\\'`, [false]],
  ])('for %s', (text, expected, isJson) => {
    expect(translate(text)).toMatchObject({ text: expected, isJson });
  });

  it('has one name, by which each connection prepares it once', () => {
    const { name } = translate('SELECT 2');
    expect(translate('SELECT 2').name).toBe(name);
    expect(translate('SELECT 3').name).not.toBe(name);
  });
});

describe('A text for PostgreSQL', () => {
  const TEXTS = [
    '',
    'a',
    'a\0b',
    '\0',
    '\uFDD0',
    '\uFDD0\0\uFDD0\uFDD1\0',
    '\\u0000',
    '\\\0',
    '\\\\u0000',
    '😀',
  ];

  it.each(TEXTS)('%j can be stored and comes back, as a value and in JSON', (text) => {
    const stored = toPostgresText(text);
    expect(stored).not.toContain('\0');
    expect(fromPostgresText(stored)).toBe(text);
    const json = toPostgresJson(JSON.stringify([text]));
    expect(json).not.toMatch(/(?<!\\)(?:\\\\)*\\u0000/);
    expect((JSON.parse(json) as string[]).map(fromPostgresText)).toEqual([text]);
  });

  it.each(['\ud83d', 'a\udc00b', '\udc00\ud83d'])(
    '%j, half a character, becomes a replacement character',
    (text) => {
      const [stored] = JSON.parse(toPostgresJson(JSON.stringify([text]))) as string[];
      expect(stored).toBe(text.replace(/[\ud800-\udfff]/g, '\uFFFD'));
    },
  );
});
