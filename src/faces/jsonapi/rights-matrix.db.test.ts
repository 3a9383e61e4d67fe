// The matrix: everybody x every level x every operation, over HTTP with real tokens. What must come out is computed from
// the small tables here, which are written from the vendor's pages and know nothing of the tables of the house.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JsonApiHouse, openJsonApiHouse } from '../../../testing/jsonapi-house.ts';
import type { TestTenant } from '../../../testing/test-house.ts';
import type { UnitId } from '../../kernel/ids.ts';
import { createCustomer, createWorkspace } from '../../tenancy/unit.ts';

type Place = 'tenant' | 'contract' | 'workspace';
const places: readonly Place[] = ['tenant', 'contract', 'workspace'];
const verbs = ['get', 'create', 'edit', 'delete'] as const;
const secretVerbs = [...verbs, 'get_credentials', 'refresh'] as const;

type Principal = {
  readonly name: string;
  /** `beside` = at another customer of the tenant; `outside` = in another tenant. */
  readonly stands: Place | 'beside' | 'outside';
  readonly client: ReadonlySet<string>;
  readonly secret: ReadonlySet<string>;
  readonly token: string;
};

const builtins: readonly (readonly [
  role: string,
  stands: Place,
  client: readonly string[],
  secret: readonly string[],
])[] = [
  ['owner', 'tenant', verbs, secretVerbs],
  ['admin', 'tenant', verbs, secretVerbs],
  ['member', 'tenant', verbs, [...verbs, 'refresh']],
  ['customer_admin', 'contract', verbs, [...verbs, 'refresh']],
  ['customer_user', 'contract', [], ['get']],
  ['owner', 'contract', verbs, []],
  ['admin', 'contract', verbs, []],
  ['member', 'contract', [], []],
  ['owner', 'workspace', verbs, secretVerbs],
  ['admin', 'workspace', verbs, secretVerbs],
  ['integrator', 'workspace', verbs, secretVerbs],
  ['guest', 'workspace', ['get'], ['get']],
];

/** Which levels of a name count in a role of that scope. */
const counting: Readonly<Record<string, readonly string[]>> = {
  contracts: ['global', 'contracts', 'workspaces'],
  workspaces: ['global', 'workspaces'],
};
const clientLevels = ['global', 'tenants', 'contracts', 'workspaces'];
const clientNames = clientLevels.flatMap((level) => verbs.map((verb) => `${level}.auth_clients.${verb}`));
const secretNames = secretVerbs.map((verb) => `workspaces.auth_secret.${verb}`);

/** Each name alone, each with the right to see beside it, and all at once. */
const customs = Object.keys(counting).flatMap((scope) =>
  [
    ...[...clientNames, ...secretNames].map((name) => [name]),
    ...clientNames.filter((name) => !name.endsWith('.get')).map((name) => ['global.auth_clients.get', name]),
    ...secretNames.slice(1).map((name) => ['workspaces.auth_secret.get', name]),
    [...clientNames, ...secretNames],
  ].map((permissions, index) => ({ role: `custom-${index}`, scope, permissions })),
);

function verbsOf(permissions: readonly string[], scope: string, what: string): ReadonlySet<string> {
  const found = permissions.map((name) => name.split('.')).filter(([, kind]) => kind === what);
  const isSecret = what === 'auth_secret';
  return new Set(
    found
      .filter(([level]) => isSecret || counting[scope]?.includes(level ?? ''))
      .map(([, , verb]) => verb ?? ''),
  );
}

let house: JsonApiHouse;
let other: TestTenant;
const units = {} as Record<Place, UnitId>;
const principals: Principal[] = [];
const clients = {} as Record<Place, string>;
const secrets = {} as Record<Place, string>;

beforeAll(async () => {
  house = await openJsonApiHouse();
  const { rooms } = house;
  const { doors, tenant, owner } = rooms;
  other = await rooms.addTenant('Other');
  units.tenant = rooms.organization.id;
  units.contract = rooms.customer.id;
  const sibling = await doors.withTenant(tenant, (tx) =>
    createCustomer({ tx, actor: owner, name: 'Sibling' }),
  );
  const made = await doors.withTenant(tenant, (tx) =>
    createWorkspace({ tx, actor: owner, customerId: units.contract, name: 'Beneath' }),
  );
  units.workspace = made.id;
  const roles = { data: { type: 'tenant-policy', attributes: { roles: customs } } };
  const policy = await house.ask('PATCH', `/tenants/${units.tenant}/roles`, roles);
  expect(policy.status, policy.text).toBe(200);
  for (const place of places) {
    clients[place] = await makeClient(place);
    if (place !== 'tenant') secrets[place] = await makeSecret(place);
  }
  const all = { client: new Set(verbs), secret: new Set(secretVerbs) };
  const enter = async (name: string, at: UnitId, role: string, rest: Omit<Principal, 'name' | 'token'>) => {
    const token = await house.tokenOf(await rooms.addActor(rooms, at, role));
    principals.push({ name, token, ...rest });
  };
  for (const [role, stands, client, secret] of builtins) {
    const isOfTheHouse = stands === 'tenant' || role.startsWith('customer_');
    const name = isOfTheHouse ? role : `${stands}: ${role}`;
    await enter(name, units[stands], role, { stands, client: new Set(client), secret: new Set(secret) });
  }
  for (const { role, scope, permissions } of customs) {
    const stands = scope === 'contracts' ? 'contract' : 'workspace';
    const client = verbsOf(permissions, scope, 'auth_clients');
    const secret = verbsOf(permissions, scope, 'auth_secret');
    await enter(`${scope}: ${permissions.join(' + ')}`, units[stands], role, { stands, client, secret });
  }
  await enter('sibling admin', sibling.id, 'customer_admin', { stands: 'beside', ...all });
  const strange = await house.tokenOf(other.owner);
  principals.push({ name: 'other tenant', stands: 'outside', token: strange, ...all });
}, 120_000);
afterAll(async () => house.close());

function clientBodyAt(place: Place) {
  const attributes = { type: 'api_key', name: 'Keys', credentials: { name: 'X-Key', value: 'canary-value' } };
  const relationships = { [place]: { data: { id: units[place], type: place } } };
  return { data: { type: 'auth-client', attributes, relationships } };
}

const newSecret = {
  data: {
    type: 'auth-secret',
    attributes: { name: 's', type: 'basic', credentials: { username: 'u', password: 'canary-password' } },
  },
};

async function makeClient(place: Place): Promise<string> {
  return (await house.ask('POST', '/auth-clients', clientBodyAt(place))).body.data.id;
}

async function makeSecret(place: Place): Promise<string> {
  return (await house.ask('POST', `/workspaces/${units[place]}/secrets`, newSecret)).body.data.id;
}

/** A membership holds where it stands and beneath. */
function covers(stands: Principal['stands'], place: Place): boolean {
  if (stands === 'beside' || stands === 'outside') return false;
  return places.indexOf(stands) <= places.indexOf(place);
}

/** Who may see anything at a unit sees the clients above it too, for they serve there. */
function seesLevel({ stands, client, secret }: Principal, place: Place): boolean {
  const isInLine = stands === 'beside' ? place === 'tenant' : stands !== 'outside';
  return isInLine && (client.has('get') || secret.has('get'));
}

function clientStatus(who: Principal, place: Place, verb: string, ok: number): number {
  if (!seesLevel(who, place)) return 404;
  if (verb === 'get') return ok;
  return covers(who.stands, place) && who.client.has(verb) ? ok : 403;
}

function secretStatus(who: Principal, place: Place, verb: string, ok: number): number {
  if (!covers(who.stands, place) || !who.secret.has('get')) return 404;
  return who.secret.has(verb) ? ok : 403;
}

type Cell = readonly [what: string, seen: unknown, wanted: unknown];

async function clientCells(who: Principal, place: Place): Promise<readonly Cell[]> {
  const { token } = who;
  const as = { token };
  const at = `client at ${place}`;
  const scope = `${place}_id=${units[place]}`;
  const cells: Cell[] = [];
  const got = await house.ask('GET', `/auth-clients/${clients[place]}?${scope}`, undefined, as);
  const mayGet = clientStatus(who, place, 'get', 200);
  const showsCredentials = covers(who.stands, place) && who.client.has('get');
  const showsValues = showsCredentials && who.secret.has('get_credentials');
  cells.push([`${at} get`, got.status, mayGet]);
  cells.push([
    `${at} credentials`,
    Object.hasOwn(got.body.data?.attributes ?? {}, 'credentials'),
    showsCredentials,
  ]);
  cells.push([`${at} values`, got.text.includes('canary'), showsValues]);
  const listed = await house.ask('GET', `/auth-clients?${scope}`, undefined, as);
  const ids: string[] = (listed.body.data ?? []).map((item: { id: string }) => item.id);
  cells.push([`${at} list`, listed.status, mayGet]);
  for (const level of places) {
    const isUp = places.indexOf(level) <= places.indexOf(place);
    const wanted = mayGet === 200 && who.client.has('get') && isUp;
    cells.push([`${at} list shows ${level}`, ids.includes(clients[level]), wanted]);
  }
  const made = await house.ask('POST', '/auth-clients', clientBodyAt(place), as);
  cells.push([`${at} create`, made.status, clientStatus(who, place, 'create', 201)]);
  if (made.status === 201) await house.ask('DELETE', `/auth-clients/${made.body.data.id}`);
  const change = { data: { type: 'auth-client', attributes: { name: 'Keys' } } };
  const edited = await house.ask('PATCH', `/auth-clients/${clients[place]}`, change, as);
  cells.push([`${at} edit`, edited.status, writeStatus(who, place, 'edit', 200)]);
  const deleted = await house.ask('DELETE', `/auth-clients/${clients[place]}`, undefined, as);
  cells.push([`${at} delete`, deleted.status, writeStatus(who, place, 'delete', 204)]);
  if (deleted.status === 204) clients[place] = await makeClient(place);
  return cells;
}

/** What one cannot see as a client is not found, also by those who may change it. */
function writeStatus(who: Principal, place: Place, verb: string, ok: number): number {
  const status = clientStatus(who, place, verb, ok);
  return status === ok && !who.client.has('get') ? 404 : status;
}

async function secretCells(who: Principal, place: Place): Promise<readonly Cell[]> {
  const as = { token: who.token };
  const all = `/workspaces/${units[place]}/secrets`;
  const at = `secret in ${place}`;
  const one = () => `${all}/${secrets[place]}`;
  const cells: Cell[] = [];
  const mayGet = secretStatus(who, place, 'get', 200);
  const shows = mayGet === 200 && who.secret.has('get_credentials');
  for (const [what, path] of [
    ['get', one()],
    ['list', all],
  ] as const) {
    const got = await house.ask('GET', path, undefined, as);
    cells.push([`${at} ${what}`, got.status, mayGet]);
    cells.push([`${at} ${what} values`, got.text.includes('canary-password'), shows]);
    cells.push([`${at} ${what} credentials`, got.text.includes('"credentials"'), shows]);
  }
  const made = await house.ask('POST', all, newSecret, as);
  cells.push([`${at} create`, made.status, secretStatus(who, place, 'create', 201)]);
  if (made.status === 201) {
    cells.push([`${at} create echoes`, made.text.includes('canary'), shows]);
    await house.ask('DELETE', `${all}/${made.body.data.id}`);
  }
  const change = { data: { type: 'auth-secret', attributes: { name: 'renamed' } } };
  const edited = await house.ask('PATCH', one(), change, as);
  cells.push([`${at} edit`, edited.status, secretStatus(who, place, 'edit', 200)]);
  // A secret of this type has nothing to refresh: 400 says that whoever asked was let in.
  const refreshed = await house.ask('POST', `${one()}/refresh`, undefined, as);
  cells.push([`${at} refresh`, refreshed.status, secretStatus(who, place, 'refresh', 400)]);
  const deleted = await house.ask('DELETE', one(), undefined, as);
  cells.push([`${at} delete`, deleted.status, secretStatus(who, place, 'delete', 204)]);
  if (deleted.status === 204) secrets[place] = await makeSecret(place);
  return cells;
}

test('everybody may at every level exactly what the tables say', async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const who of principals) {
    for (const place of places) {
      const cells = [
        ...(await clientCells(who, place)),
        ...(place === 'tenant' ? [] : await secretCells(who, place)),
      ];
      count += cells.length;
      for (const [what, seen, wanted] of cells) {
        if (seen !== wanted) wrong.push(`${who.name}: ${what} is ${seen}, not ${wanted}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(count).toBeGreaterThan(3_000);
}, 240_000);

test('only who stands at the tenant makes a client of the tenant, or one without a level', async () => {
  const wrong: string[] = [];
  for (const who of principals.filter(({ stands }) => stands !== 'outside')) {
    const { data } = clientBodyAt('tenant');
    const made = await house.ask(
      'POST',
      '/auth-clients',
      { data: { ...data, relationships: {} } },
      { token: who.token },
    );
    const isAllowed = who.stands === 'tenant' && who.client.has('create');
    if (made.status !== (isAllowed ? 201 : 403)) wrong.push(`${who.name}: ${made.status}`);
    if (made.status !== 201) continue;
    // "Global" ends at the organization.
    expect(made.body.data.relationships.tenant.data.id).toBe(units.tenant);
    const strange = await house.ask('GET', `/auth-clients/${made.body.data.id}`, undefined, {
      token: principals.find(({ name }) => name === 'other tenant')?.token ?? '',
    });
    expect(strange.status).toBe(404);
    await house.ask('DELETE', `/auth-clients/${made.body.data.id}`);
  }
  expect(wrong).toEqual([]);
}, 120_000);

test('only administrators of the tenant write its roles', async () => {
  const seen: Record<string, readonly number[]> = {};
  const path = `/tenants/${units.tenant}/roles`;
  const body = { data: { type: 'tenant-policy', attributes: { roles: customs } } };
  for (const { name, token } of principals) {
    const read = await house.ask('GET', path, undefined, { token });
    const written = await house.ask('PATCH', path, body, { token });
    const contract = await house.ask('GET', `/contracts/${units.contract}/roles`, undefined, { token });
    seen[name] = [read.status, written.status, contract.status];
  }
  const { owner, admin, member, 'sibling admin': sibling, 'other tenant': strange, ...customers } = seen;
  expect({ owner, admin, member, sibling, strange }).toEqual({
    owner: [200, 200, 200],
    admin: [200, 200, 200],
    member: [200, 403, 200],
    sibling: [404, 404, 404],
    strange: [404, 404, 404],
  });
  for (const [name, statuses] of Object.entries(customers)) {
    expect([name, ...statuses]).toEqual([name, 404, 404, name.startsWith('workspace') ? 404 : 200]);
  }
}, 60_000);
