// What a component says about its connections, in the terms of connection types.
import type { DeclaredType } from '../credentials/connection-type.ts';
import type { ConnectionTypeField } from '../credentials/connection-type-store.ts';
import type { ComponentDefinition } from '../hosts/component-definition.ts';

type DeclaredConnection = ComponentDefinition['connections'][number];
type DeclaredInput = DeclaredConnection['inputs'][number];

/** A component may call a secret plain text; its name still tells. Ids, hosts and user names stay readable. */
const secretName =
  /secret|passw(?:or)?d|passphrase|private_?key|api_?key|auth_?key|signing_?key|(?:^|_)pin$|token$/i;

export function declaredTypes(definition: ComponentDefinition): readonly DeclaredType[] {
  return definition.connections.map((connection) => ({
    key: connection.key,
    label: connection.label ?? connection.key,
    comments: connection.comments ?? '',
    oauthKind: connection.oauth2Type ?? null,
    pkce: connection.oauth2PkceMethod ?? null,
    oauthOptions: connection.oauth2Config ?? {},
    fields: connection.inputs.map(declaredField),
  }));
}

function declaredField(input: DeclaredInput): ConnectionTypeField {
  return {
    key: input.key,
    label: input.label ?? input.key,
    type: fieldType(input),
    secret: input.type === 'password' || secretName.test(input.key),
    required: input.required ?? false,
    shown: input.shown ?? true,
    defaultValue: asText(input.default),
    comments: input.comments ?? '',
  };
}

const plainTypes = ['string', 'text', 'password', 'number', 'boolean', 'code', 'template'] as const;

function fieldType(input: DeclaredInput): ConnectionTypeField['type'] {
  if (input.collection === 'keyvaluelist') return 'keyvalue';
  return plainTypes.find((type) => type === input.type) ?? 'string';
}

function asText(value: unknown): string | null {
  if (value === undefined || value === null || value === '') return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
