// The words of the page on which a secret begins: with which client, under which name, asking for what; and the form
// for a client that is not there yet.
import type { AuthClient } from '../../credentials/auth-client.ts';
import type { Fault } from '../../kernel/fault.ts';
import { field, formProblem, problemAt, problemText, select } from '../pages/field.ts';
import { type Html, html } from '../pages/html.ts';
import type { Page } from '../pages/layout.ts';

export const secretFields = ['auth_client', 'name', 'scope', 'additional_params'] as const;
export const clientFields = [
  'client_name',
  'client_id',
  'client_secret',
  'auth_uri',
  'token_uri',
  'refresh_token_uri',
] as const;

export type NewSecretPage = {
  readonly workspaceName: string;
  readonly clients: readonly AuthClient[];
  readonly mayAddClient: boolean;
  /** What was typed, by field. */
  readonly typed: Readonly<Record<string, string>>;
  readonly fault: Fault | null;
  readonly formToken: string;
};

export function newSecretPage(page: NewSecretPage): Page {
  const title = 'New secret';
  return {
    title,
    body: html`<div class="head"><h1>${title}</h1>
<p class="lead">Connect an account for <strong>${page.workspaceName}</strong>. You will sign in at the provider, not here.</p></div>
${formProblem(page.fault, [...secretFields, ...clientFields])}
${page.clients.length > 0 ? secretForm(page) : noClient(page.mayAddClient)}
${page.mayAddClient && clientForm(page)}`,
  };
}

function noClient(mayAddClient: boolean): Html {
  return html`<div class="card"><p>There is no OAuth client here yet. ${
    mayAddClient ? 'Add one below.' : 'Ask somebody who may add one.'
  }</p></div>`;
}

function secretForm({ clients, typed, fault, formToken }: NewSecretPage): Html {
  return html`<div class="card"><form method="post">
<input type="hidden" name="form_token" value="${formToken}">
${clientChoice(clients, typed.auth_client ?? '', problemAt(fault, 'auth_client', 'The client'))}
${field({
  name: 'name',
  label: 'Name',
  value: typed.name ?? '',
  hint: 'How the secret is called in lists.',
  problem: problemAt(fault, 'name', 'Name'),
  maxLength: 200,
  autocomplete: 'off',
})}
${field({
  name: 'scope',
  label: 'Scopes',
  value: typed.scope ?? '',
  hint: 'With spaces or commas between them, as the provider wants it.',
  problem: problemAt(fault, 'scope', 'Scopes'),
  isOptional: true,
  autocomplete: 'off',
})}
${field({
  name: 'additional_params',
  label: 'Additional parameters',
  value: typed.additional_params ?? '',
  hint: html`For the authorization address, such as <code>access_type:offline,prompt:consent</code>.`,
  problem: problemAt(fault, 'additional_params', 'This field'),
  isOptional: true,
  autocomplete: 'off',
})}
<div class="actions"><button type="submit">Continue</button></div>
</form></div>`;
}

/** Nobody is asked to choose from one. */
function clientChoice(clients: readonly AuthClient[], chosen: string, problem: string | null): Html {
  const [only, another] = clients;
  if (only !== undefined && another === undefined) {
    return html`<dl class="facts"><div><dt>Client</dt><dd>${labelOf(only)}</dd></div></dl>${problemText('auth_client', problem)}
<input type="hidden" name="auth_client" value="${only.id}">`;
  }
  const choices = clients.map((client) => ({ value: client.id, label: labelOf(client) }));
  return select({ name: 'auth_client', label: 'Client', choices, chosen, problem });
}

function labelOf({ name, registration }: AuthClient): string {
  const url = registration?.authorizeUrl ?? '';
  return URL.canParse(url) ? `${name} (${new URL(url).host})` : name;
}

const addresses = {
  auth_uri: 'Authorization address',
  token_uri: 'Token address',
  refresh_token_uri: 'Refresh address',
} as const;

function clientForm({ clients, typed, fault, formToken }: NewSecretPage): Html {
  const isOpen =
    clients.length === 0 || (fault !== null && clientFields.some((name) => name === fault.field));
  const text = (name: (typeof clientFields)[number], label: string, hint?: string, isOptional = false) =>
    field({
      name,
      label,
      value: typed[name] ?? '',
      problem: problemAt(fault, name, label),
      isOptional,
      autocomplete: 'off',
      ...(hint === undefined ? {} : { hint }),
    });
  return html`<div class="card"><details${isOpen && html` open`}><summary>Add a new client</summary>
<form method="post">
<input type="hidden" name="form_token" value="${formToken}">
<input type="hidden" name="adds" value="client">
${text('client_name', 'Name of the client', 'As lists show it. It serves this workspace only.')}
${text('client_id', 'Client id')}
${field({
  name: 'client_secret',
  label: 'Client secret',
  type: 'password',
  hint: 'Written once, never shown again.',
  problem: problemAt(fault, 'client_secret', 'Client secret'),
  autocomplete: 'new-password',
})}
${text('auth_uri', addresses.auth_uri)}
${text('token_uri', addresses.token_uri)}
${text('refresh_token_uri', addresses.refresh_token_uri, 'When it is another than the token address.', true)}
<div class="actions"><button type="submit" class="quiet">Add the client</button></div>
</form></details></div>`;
}
