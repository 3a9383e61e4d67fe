import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GraphqlHouse, openGraphqlHouse } from '../../../testing/graphql-house.ts';

let api: GraphqlHouse;
beforeAll(async () => {
  api = await openGraphqlHouse();
  await api.ask('{ authenticatedUser { id } }');
});
afterAll(async () => await api.close());

const times = (count: number, one: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => one(i)).join(' ');

describe('queries that would cost too much', () => {
  const cases: Readonly<Record<string, string>> = {
    '10,000 aliases': `{ ${times(10_000, (i) => `a${i}: authenticatedUser { id }`)} }`,
    '16 aliases': `{ ${times(16, (i) => `a${i}: authenticatedUser { id }`)} }`,
    'the same field 10,000 times': `{ ${times(10_000, () => 'authenticatedUser { id }')} }`,
    '100,000 directives': `{ authenticatedUser { id ${times(100_000, () => '@include(if: true)')} } }`,
    '60 directives': `{ authenticatedUser { id ${times(60, () => '@include(if: true)')} } }`,
    'a fragment in itself': 'fragment a on Query { ...a } { ...a }',
    'fragments in a circle':
      'fragment a on Query { ...b } fragment b on Query { ...c } fragment c on Query { ...a } { ...a }',
    'fragments that double': `${times(40, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)}
      fragment f40 on Query { authenticatedUser { id } } { ...f0 }`,
    'fragments that double and hold nothing': `${times(60, (i) => `fragment f${i} on Query { ...f${i + 1} ...f${i + 1} }`)} { ...f0 }`,
    'depth through circles of the schema': `{ customers { nodes ${'{ credentials { nodes { customer '.repeat(30)} { id } ${'} } }'.repeat(30)} } }`,
    'introspection in depth': `{ __schema { types { ${'fields { type { '.repeat(8)} name ${'} }'.repeat(8)} } } }`,
    'a long text': `{ authenticatedUser { id } } # ${'x'.repeat(200_000)}`,
    'a long number': `{ customers(first: ${'9'.repeat(50_000)}) { totalCount } }`,
    'a long name': `{ ${'x'.repeat(90_000)} }`,
    'deep lists': `{ customers(first: ${'['.repeat(1_900)}${']'.repeat(1_900)}) { totalCount } }`,
    'a NUL in a text': '{ customers(name_Icontains: "a\\u0000b") { totalCount } }',
    'many operations': times(30, (i) => `query q${i} { authenticatedUser { id } }`),
    'unclosed braces': '{'.repeat(50_000),
  };
  test.each(Object.entries(cases))('%s: refused quickly and clearly', async (_name, query) => {
    const before = process.cpuUsage();
    const answer = await api.ask(query);
    const used = process.cpuUsage(before);
    expect(answer.status).toBe(200);
    expect(answer.data).toBeNull();
    expect(answer.errors.length).toBeGreaterThan(0);
    expect(answer.text.length).toBeLessThan(2_000);
    // Measured 5 to 25 ms here; ten times that still tells a guard from a walk over all of it.
    expect((used.user + used.system) / 1_000).toBeLessThan(300);
  });

  test('what clients really ask stays allowed: introspection, and fifteen aliases', async () => {
    const answer = await api.ask(getIntrospectionQuery());
    expect(answer.errors).toEqual([]);
    expect(answer.data.__schema.types.length).toBeGreaterThan(50);
    const aliases = await api.ask(`{ ${times(15, (i) => `a${i}: authenticatedUser { id }`)} }`);
    expect(aliases.errors).toEqual([]);
  });
});

describe('requests of odd form', () => {
  test('no batches, no other bodies, and each is told what to send', async () => {
    const bodies = [
      '[]',
      '[{"query":"{authenticatedUser{id}}"}]',
      'null',
      '1',
      '"x"',
      '{}',
      '{"query":1}',
      '{"query":""}',
      '{"query":"{authenticatedUser{id}}","variables":[1]}',
      '{"query":"{authenticatedUser{id}}","variables":"x"}',
      '{"query":"{authenticatedUser{id}}","operationName":{}}',
      '{"query":"query a{authenticatedUser{id}} query b{authenticatedUser{id}}"}',
      '{"query":"{authenticatedUser{id}}","operationName":"nobody"}',
      '{"query',
      '{"query":"null"}',
      '{"query":"{\\"kind\\":\\"Document\\"}"}',
      '{"query":"{authenticatedUser{id}}","__proto__":{"x":1}}',
      '{"query":"subscription{x}"}',
    ];
    for (const body of bodies) {
      const answer = await api.post(body);
      expect(answer.status, body).toBe(200);
      expect(answer.data, body).toBeNull();
      expect(answer.errors.length, body).toBeGreaterThan(0);
    }
  });

  test('variables in a string, null ones and an empty operation name are taken', async () => {
    for (const body of [
      '{"query":"{authenticatedUser{id}}","variables":"{}"}',
      '{"query":"{authenticatedUser{id}}","variables":null,"operationName":""}',
    ]) {
      expect((await api.post(body)).errors).toEqual([]);
    }
  });

  test('forms and plain text, which other pages could post with a cookie, are not taken', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      '',
    ]) {
      const answer = await api.post('{"query":"{authenticatedUser{id}}"}', { 'content-type': type });
      expect(answer.status).toBe(415);
    }
  });

  test('a body above two megabytes is refused', async () => {
    const answer = await api.post(
      JSON.stringify({ query: '{authenticatedUser{id}}', variables: { x: 'x'.repeat(2_200_000) } }),
    );
    expect(answer.status).toBe(413);
  });

  test.each(['GET', 'PUT', 'PATCH', 'DELETE'])('%s runs nothing, and says that POST does', async (method) => {
    const response = await fetch(`${api.url}/api?query={authenticatedUser{id}}`, {
      method,
      headers: { authorization: `Bearer ${api.ownerToken}` },
    });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    expect(await response.json()).toEqual({
      data: null,
      errors: [
        {
          message: `${method} is not possible here. Send {"query", "variables"} as application/json with POST.`,
          extensions: { code: 'method_not_allowed' },
        },
      ],
    });
  });

  test('pages of any origin may ask with a token, never with a cookie', async () => {
    const preflight = await fetch(`${api.url}/api`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,prismatic-client',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(
      /authorization.*content-type.*prismatic-client/,
    );
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    const answer = await api.ask('{ authenticatedUser { id } }');
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    const refused = await api.post('{}', { authorization: 'Bearer x' });
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  });
});
