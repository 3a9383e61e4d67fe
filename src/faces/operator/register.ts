// What the operator can ask of a running server, over its private socket: the embedded database has one process, so the
// command line cannot go around it. Whoever may open the socket owns the data directory and the root key beside it.
import type { FastifyInstance } from 'fastify';
import { listPeople } from '../../accounts/list-people.ts';
import { type ChainVerdict, verifyChain } from '../../audit/chain.ts';
import type { AuditActor } from '../../audit/event.ts';
import { Fault, invalidField, notFound } from '../../kernel/fault.ts';
import { isUuid, type TenantId, type UnitId } from '../../kernel/ids.ts';
import { endProviderIncident, listTroubledProviders } from '../../refresh/incident.ts';
import type { TakeOver } from '../../refresh/take-over.ts';
import type { Doors } from '../../storage/doors.ts';
import { findUnit } from '../../tenancy/unit.ts';
import { listTenantIds } from '../../tenancy/unit-store.ts';
import type { Keyring } from '../../vault/keyring.ts';
import type { RootKeys } from '../../vault/root-key.ts';
import { rotateRootKeyFile } from '../../vault/rotate-root-key.ts';
import { rotateTenantKey } from '../../vault/rotate-tenant-key.ts';
import { shredTenant } from '../../vault/shred-tenant.ts';
import type { Vault } from '../../vault/vault.ts';
import { type ExplainDeps, explainTo } from './explain.ts';
import { givePasswordReset } from './give-password-reset.ts';

export type OperatorDeps = ExplainDeps & {
  readonly vault: Vault & { readonly keyring: Keyring };
  readonly rootKeys: RootKeys;
  readonly installation: string;
  readonly dataDirectory: string;
  /** What browsers reach us by, without a trailing slash. */
  readonly publicUrl: string;
  readonly takeOver: (actor: AuditActor) => Promise<TakeOver>;
  readonly describe: () => Promise<Readonly<Record<string, string>>>;
};

const operator: AuditActor = { kind: 'operator', principalId: null, name: 'operator' };

export function registerOperator(app: FastifyInstance, deps: OperatorDeps): void {
  const { doors, vault } = deps;

  app.get('/doctor', () => deps.describe());
  app.post('/takeover', async (request) => {
    if (textIn(request.body, 'oldOneIsStopped') !== 'yes') {
      throw new Fault(
        'bad_request',
        'Two installations on copies of one database spend the same refresh tokens, and providers then end the grants of both.',
        { cure: 'Stop the old one, then say --i-have-stopped-the-old-one.' },
      );
    }
    return await deps.takeOver(operator);
  });
  app.get('/tenants', async () => {
    const tenants = [];
    for (const id of await doors.locate(listTenantIds)) tenants.push({ id, name: await nameOf(doors, id) });
    return { tenants };
  });
  app.get('/people', async () => ({ people: await listPeople(doors) }));
  app.post('/people/reset-password', (request) =>
    givePasswordReset(operator, deps, textIn(request.body, 'email')),
  );
  app.post('/keys/rotate-root', () =>
    rotateRootKeyFile({
      doors,
      rootKeys: deps.rootKeys,
      installation: deps.installation,
      folder: deps.dataDirectory,
      actor: operator,
    }),
  );
  app.post('/keys/rotate-tenant', (request) =>
    rotateTenantKey({ doors, vault, tenant: tenantIn(request.body), actor: operator }),
  );
  app.post('/tenants/shred', async (request) => {
    const tenant = tenantIn(request.body);
    const name = await nameOf(doors, tenant);
    if (name === null) throw notFound('Tenant');
    // What cannot be undone is confirmed by name, as everywhere.
    if (textIn(request.body, 'name') !== name) {
      throw new Fault('name_mismatch', 'The typed name is not the name of this organization.', {
        field: 'name',
        cure: 'Give the name exactly as "latchkey tenants list" shows it.',
      });
    }
    return { destroyedKeys: await shredTenant({ doors, vault, tenant, actor: operator }) };
  });
  app.post('/why', (request) =>
    explainTo(operator, deps, {
      asked: textIn(request.body, 'credential'),
      tenant: textIn(request.body, 'tenant') === '' ? null : tenantIn(request.body),
    }),
  );
  app.get('/incidents', async () => ({ providers: await listTroubledProviders(doors) }));
  app.post('/incidents/end', async (request) => {
    const [providerKey, verdict] = [textIn(request.body, 'provider'), textIn(request.body, 'verdict')];
    await endProviderIncident({ doors, actor: operator, providerKey, verdict });
    return { provider: providerKey, verdict };
  });
  app.post('/audit/verify', async (request) => {
    const only = textIn(request.body, 'tenant');
    const tenants = only === '' ? await doors.locate(listTenantIds) : [tenantIn(request.body)];
    const verdicts = [];
    for (const tenant of tenants) {
      const verdict = await doors.withTenant(tenant, (tx) => verifyChain(tx, tenant));
      verdicts.push({ tenant, ...readable(verdict) });
    }
    return { verdicts };
  });
}

/** The head's hash in hex, to be kept outside and compared later. */
function readable(verdict: ChainVerdict) {
  if (!verdict.intact || verdict.head === null) return verdict;
  const { linkNo, hash } = verdict.head;
  return { ...verdict, head: { linkNo, hash: hash.toString('hex') } };
}

async function nameOf(doors: Doors, tenant: TenantId): Promise<string | null> {
  const unit = await doors.withTenant(tenant, (tx) => findUnit(tx, tenant as string as UnitId));
  return unit?.name ?? null;
}

function tenantIn(body: unknown): TenantId {
  const tenant = textIn(body, 'tenant');
  if (isUuid(tenant)) return tenant as TenantId;
  throw invalidField('tenant', 'is not the id of an organization.', 'Take it from "latchkey tenants list".');
}

function textIn(body: unknown, name: string): string {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return '';
  const value: unknown = (body as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}
