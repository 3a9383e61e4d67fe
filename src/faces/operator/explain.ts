// `latchkey why`: the operator's look at one credential of any organization. It leaves a line in that organization's trail.
import { type AuditActor, audit } from '../../audit/event.ts';
import { type Credential, findCredential } from '../../credentials/credential.ts';
import { selectIdsByLabel } from '../../credentials/credential-store.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Fault, invalidField, notFound } from '../../kernel/fault.ts';
import type { CredentialId, TenantId } from '../../kernel/ids.ts';
import type { RefreshGate } from '../../refresh/refresh-gate.ts';
import { explainCredential, type Why } from '../../refresh/why.ts';
import type { Doors, Tx } from '../../storage/doors.ts';
import { listTenantIds } from '../../tenancy/unit-store.ts';
import { credentialIdIn } from '../why/credential-id.ts';

export type ExplainDeps = {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly gate: Pick<RefreshGate, 'refusal'>;
};

const maxLength = 400;

/** `asked`: an id, or a label within `tenant`. */
export async function explainTo(
  operator: AuditActor,
  { doors, clock, gate }: ExplainDeps,
  { asked, tenant }: { readonly asked: string; readonly tenant: TenantId | null },
): Promise<Why> {
  if (asked === '' || asked.length > maxLength) {
    throw invalidField('credential', `is not of 1 to ${maxLength} characters.`, 'Give an id or a label.');
  }
  const id = credentialIdIn(asked);
  if (id === null && tenant === null) {
    throw invalidField(
      'credential',
      'is not the id of a credential.',
      'To look for a label, name the organization with --tenant.',
    );
  }
  const explained = async (tx: Tx, credential: Credential): Promise<Why> => {
    const object = { kind: 'credential', id: credential.id };
    await audit(tx, { action: 'operator.access', actor: operator, object, detail: { command: 'why' } });
    return await explainCredential({ tx, credential, gate, now: clock.now() });
  };
  for (const one of tenant === null ? await doors.locate(listTenantIds) : [tenant]) {
    const why = await doors.withTenant(one, async (tx) => {
      const wanted = id ?? (await idByLabel(tx, asked));
      const credential = wanted === null ? null : await findCredential(tx, wanted);
      return credential === null ? null : await explained(tx, credential);
    });
    if (why !== null) return why;
  }
  throw notFound('Credential');
}

async function idByLabel(tx: Tx, label: string): Promise<CredentialId | null> {
  const ids = await selectIdsByLabel(tx, label, shownIds + 1);
  if (ids.length <= 1) return ids[0] ?? null;
  const shown = ids.slice(0, shownIds).join(', ');
  throw new Fault(
    'conflict',
    `Several credentials have this label: ${shown}${ids.length > shownIds ? ' …' : ''}.`,
    {
      cure: 'Give one of the ids.',
    },
  );
}

const shownIds = 5;
