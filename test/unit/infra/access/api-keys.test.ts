import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseApiKeys } from '../../../../src/infra/access/api-keys.ts';
import { createApiKey } from '../../../../src/infra/api-key.ts';

const sha256 = 'ab'.repeat(32);
const parse = (keys: unknown) => parseApiKeys(JSON.stringify({ keys }), 'keys.json');

describe('keys of a file', () => {
  it('are found by the key, with the roles of its line', () => {
    const [one, other] = [createApiKey('one', ['predict']), createApiKey('other', ['operate', 'ingest'])];
    const keys = parse([one.entry, other.entry]);
    expect(keys.find(one.key)?.roles).toEqual(new Set(['predict']));
    expect(keys.find(other.key)?.roles).toEqual(new Set(['operate', 'ingest']));
    for (const wrong of [one.entry.sha256, one.key.slice(1), `${one.key} `, '']) expect(keys.find(wrong)).toBeUndefined();
  });

  it('are 256 random bits, and the file has their digest only', () => {
    const { key, entry } = createApiKey('scraper', ['operate']);
    expect(key).toMatch(/^mr_[\w-]{43}$/);
    expect(entry).toEqual({ name: 'scraper', sha256: createHash('sha256').update(key).digest('hex'), roles: ['operate'] });
    expect(createApiKey('scraper', ['operate']).key).not.toBe(key);
    expect(() => createApiKey('no name', ['predict'])).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });

  it('are refused with all problems, and without what the file holds', () => {
    const secret = 'S3cret';
    const wrong = () => parse([{ name: secret + ' ', sha256: secret, roles: [] }, { name: 'b', sha256, roles: [secret], key: 1 }]);
    expect(wrong).toThrow(/keys\.0\.name: .*keys\.0\.sha256: .*keys\.0\.roles: .*keys\.1\.roles\.0: .*keys\.1: /);
    expect(wrong).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining(secret) as string }));
    expect(() => parseApiKeys(`{ "keys": ${secret} }`, 'keys.json')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining(secret) as string }),
    );
  });

  it('have a name and a digest of their own, and are not too many', () => {
    const { entry } = createApiKey('a', ['predict']);
    expect(() => parse([entry, entry])).toThrow(/keys\.1\.name: another key has it too; keys\.1\.sha256: another key has it too/);
    const many = Array.from({ length: 201 }, (_, i) => createApiKey(`k${i}`, ['predict']).entry);
    expect(() => parse(many)).toThrow(/keys: /);
    expect(parse(many.slice(1)).find('x')).toBeUndefined();
  });
});
