// Who is shown stored values, for the audit trail: a person's look is a deliberate act, a machine's a read among many.
import type { AuditEvent } from '../../audit/event.ts';
import type { Actor } from '../../tenancy/actor.ts';

/** Whose looks are recorded in batches; a person's is on record before the answer leaves. */
export function looksAsMachine({ kind, apiTokenId }: Actor): boolean {
  return kind === 'service' || kind === 'step' || apiTokenId !== null;
}

export function lookAt(
  object: { readonly kind: 'credential' | 'auth_client'; readonly id: string },
  actor: Actor,
): AuditEvent {
  const { kind, principalId, name } = actor;
  return {
    actor: { kind, principalId, name },
    action: looksAsMachine(actor) ? 'credential.read' : 'credential.revealed',
    object,
  };
}
