// The ids by which a credential is asked for: ours, or the global id of the GraphQL dialect.
import { type CredentialId, isUuid } from '../../kernel/ids.ts';
import { parseGlobalId } from '../graphql/global-id.ts';

/** Null when it is the id of nothing, or of something else. */
export function credentialIdIn(text: string): CredentialId | null {
  if (isUuid(text)) return text as CredentialId;
  const found = parseGlobalId(text);
  return found?.type === 'Credential' ? (found.id as CredentialId) : null;
}
