import { type GraphQLObjectType, getNamedType, isLeafType, isNonNullType, isObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Furniture, furnishTenant } from '../../../testing/graphql-furniture.ts';
import { type GraphqlHouse, openGraphqlHouse } from '../../../testing/graphql-house.ts';
import { limits } from './query-document.ts';
import { createSchema } from './schema.ts';

let api: GraphqlHouse;
let furniture: Furniture;
beforeAll(async () => {
  api = await openGraphqlHouse();
  furniture = await furnishTenant(api, api.rooms);
});
afterAll(async () => await api.close());

const maxDepth = 7;

type Selection = { readonly text: string; readonly fields: number };

/** Every path of the schema from `type` on, each type once per path, in pieces that a request may hold. */
function selections(type: GraphQLObjectType, depth: number, passed: readonly string[]): readonly Selection[] {
  const pieces: Selection[] = [];
  const leaves: string[] = [];
  for (const field of Object.values(type.getFields())) {
    if (field.args.some((arg) => isNonNullType(arg.type) && arg.defaultValue === undefined)) continue;
    const next = getNamedType(field.type);
    if (isLeafType(next)) leaves.push(field.name);
    else if (isObjectType(next) && depth < maxDepth && !passed.includes(next.name)) {
      for (const inner of selections(next, depth + 1, [...passed, next.name])) {
        pieces.push({ text: `${field.name} { ${inner.text} }`, fields: inner.fields + 1 });
      }
    }
  }
  if (leaves.length > 0) pieces.push({ text: leaves.join(' '), fields: leaves.length });
  return merged(pieces);
}

/** Pieces of different fields travel together; two pieces of one field would conflict in nothing but size. */
function merged(pieces: readonly Selection[]): readonly Selection[] {
  const packed: Selection[] = [];
  for (const piece of pieces) {
    const last = packed.at(-1);
    if (last !== undefined && last.fields + piece.fields <= limits.fields - 20) {
      packed[packed.length - 1] = { text: `${last.text} ${piece.text}`, fields: last.fields + piece.fields };
    } else packed.push(piece);
  }
  return packed;
}

function documents(ids: Readonly<Record<string, string>>): readonly string[] {
  const roots: Readonly<Record<string, string>> = {
    credential: `credential(id: "${ids.oauth}")`,
    customer: `customer(id: "${ids.Customer}")`,
    instance: `instance(id: "${ids.Instance}")`,
    integration: `integration(id: "${ids.Integration}")`,
    executionResult: `executionResult(id: "${ids.InstanceExecutionResult}")`,
    logs: `logs(executionResult: "${ids.InstanceExecutionResult}")`,
  };
  const fields = Object.values(createSchema().getQueryType()?.getFields() ?? {});
  return fields.flatMap((field) => {
    const type = getNamedType(field.type);
    if (!isObjectType(type)) return [];
    const root = roots[field.name] ?? field.name;
    return selections(type, 1, [type.name]).map(({ text }) => `{ ${root} { ${text} } }`);
  });
}

describe('every path of the schema', () => {
  test('shows the owner no secret', async () => {
    const queries = documents(furniture.ids);
    expect(queries.length).toBeGreaterThan(20);
    for (const query of queries) {
      const answer = await api.ask(query);
      expect(answer.status, query).toBe(200);
      expect(answer.errors, query).toEqual([]);
      expect(answer.text).not.toContain('canary');
    }
  });

  test('shows a customer’s user no secret and nothing of the organization’s credentials', async () => {
    const user = await api.rooms.addActor(api.rooms, api.rooms.customer.id, 'customer_admin');
    const token = await api.tokenOf(user);
    for (const query of documents(furniture.ids)) {
      const answer = await api.ask(query, {}, token);
      expect(answer.status, query).toBe(200);
      expect(answer.text).not.toMatch(/canary|Only for the organization|only-for-us/);
      for (const error of answer.errors) expect(['not_found', 'forbidden']).toContain(error.extensions.code);
    }
  });

  test('shows nobody’s token a thing of another tenant', async () => {
    const other = await api.rooms.addTenant('Umbrella');
    const token = await api.tokenOf(other.owner);
    for (const query of documents(furniture.ids)) {
      const answer = await api.ask(query, {}, token);
      expect(answer.text).not.toMatch(/canary|Acme Connection|Of the customer|Only for the organization/);
    }
  });
});

describe('what comes in as a secret', () => {
  test('does not come back in a refusal, wherever it was put', async () => {
    const secret = 'canary-in-the-wrong-place';
    const places = [
      `mutation { createOrganizationCredential(input: {label: "x", authorizationMethod: "${secret}", values: []}) { errors { field messages } } }`,
      `mutation { createOrganizationCredential(input: {label: "x", authorizationMethod: 1, values: "${secret}"}) { errors { field messages } } }`,
      `mutation { createOrganizationCredential(input: {label: 1, authorizationMethod: [{key: "${secret}"}]}) { errors { field messages } } }`,
      `mutation { createOrganizationCredential(input: {label: "x", password: "${secret}"}) { errors { field messages } } }`,
      `mutation { createOrganizationCredential(input: {label: "x", values: [{key: "a", value: ["${secret}"]}]}) { errors { field messages } } }`,
      `{ credential(id: "${secret}") { id } }`,
      `{ credentials(first: "${secret}") { totalCount } }`,
      `{ credentials(after: "${secret}") { totalCount } }`,
      `{ executionResults(status: "${secret}") { totalCount } }`,
      `{ authenticatedUser { id "${secret}" } }`,
    ];
    for (const query of places) {
      const answer = await api.ask(query);
      expect(answer.text, query).not.toContain('canary');
      expect(answer.text).toMatch(/"messages"|"errors"/);
    }
    const query =
      'mutation($v: [InputCredentialFieldValue], $m: ID!) { createOrganizationCredential(input: {label: "x", authorizationMethod: $m, values: $v}) { errors { field messages } } }';
    for (const v of [
      secret,
      [secret],
      [{ key: 'password', value: { x: secret } }],
      [{ key: 'password', value: secret }],
      [{ key: { x: secret } }],
    ]) {
      const answer = await api.ask(query, { v, m: furniture.ids.AuthorizationMethod });
      expect(answer.text).not.toContain('canary');
    }
  });
});
