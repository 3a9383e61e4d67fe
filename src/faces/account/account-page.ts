// The markup of /account.
import type { ServiceAccount } from '../../accounts/service-account-store.ts';
import type { Place } from '../../accounts/session.ts';
import type { Fault } from '../../kernel/fault.ts';
import type { Actor, ActorMembership } from '../../tenancy/actor.ts';
import type { ApiTokenView } from '../../tenancy/api-token-store.ts';
import { builtinRoles, permissions } from '../../tenancy/permission.ts';
import { field, formProblem, problemAt, select } from '../pages/field.ts';
import { type Html, html } from '../pages/html.ts';

export type AccountView = {
  readonly actor: Actor;
  /** The hidden field of all forms here. */
  readonly form: Html;
  readonly tokens: readonly ApiTokenView[];
  readonly services: readonly ServiceAccount[];
  readonly places: readonly Place[];
  readonly managesServices: boolean;
  readonly now: Date;
  readonly tokenProblem: Fault | null;
  readonly serviceProblem: Fault | null;
};

export function accountBody(view: AccountView): Html {
  return html`<div class="head"><h1>Your account</h1></div>
${whoCard(view)}
${tokensCard(view)}
${view.managesServices && servicesCard(view)}`;
}

function whoCard({ actor, places, form }: AccountView): Html {
  const here = places.find((place) => place.principalId === actor.principalId);
  const roles = [...new Set(actor.memberships.map(roleName))];
  return html`<section class="card" aria-labelledby="who">
<div class="spread"><h2 id="who">Who you are</h2><a href="/account/password">Change password</a></div>
<dl class="facts">
<div><dt>Name</dt><dd>${actor.name}</dd></div>
<div><dt>E-mail</dt><dd>${actor.email}</dd></div>
<div><dt>${actor.unitKind === 'organization' ? 'Organization' : 'Customer'}</dt><dd>${here?.unitName}</dd></div>
<div><dt>Role</dt><dd>${roles.join(', ')}</dd></div>
</dl>
${
  places.length > 1 &&
  html`<form method="post" action="/account/place">${form}${select({
    name: 'principalId',
    label: 'Work in',
    choices: places.map((place) => ({ value: place.principalId, label: place.unitName })),
    chosen: actor.principalId,
  })}<div class="actions"><button class="quiet">Switch</button></div></form>`
}
</section>`;
}

function tokensCard(view: AccountView): Html {
  const { tokens, now } = view;
  return html`<section class="card" aria-labelledby="tokens">
<div class="head"><h2 id="tokens">API tokens</h2>
<p class="muted">Programs send one as <code>Authorization: Bearer …</code>. A token is shown once, when it is made.</p></div>
${
  tokens.length === 0
    ? html`<p class="muted">There are none yet.</p>`
    : html`<table class="stack acts"><thead><tr><th scope="col">Name</th><th scope="col">Acts as</th><th scope="col">Ends in</th><th scope="col">May</th><th scope="col">Made</th><th scope="col">Expires</th><th scope="col"><span class="hidden">Revoke</span></th></tr></thead>
<tbody>${tokens.map((token) => tokenRow(token, now))}</tbody></table>`
}
${newTokenForm(view)}
</section>`;
}

function tokenRow(token: ApiTokenView, now: Date): Html {
  const isOver = token.expiresAt !== null && token.expiresAt.getTime() <= now.getTime();
  return html`<tr><td data-label="Name">${token.name}</td><td data-label="Acts as">${token.principalName}</td><td data-label="Ends in"><code>…${token.tail}</code></td><td data-label="May">${scopesOf(token)}</td><td data-label="Made">${day(token.createdAt)}</td><td data-label="Expires">${
    token.expiresAt === null ? 'never' : day(token.expiresAt)
  }</td><td data-label="">${
    token.revokedAt !== null
      ? html`<span class="tag bad">revoked</span>`
      : isOver
        ? html`<span class="tag">expired</span>`
        : html`<a href="/account/tokens/${token.id}/revoke">Revoke<span class="hidden"> ${token.name}</span></a>`
  }</td></tr>`;
}

function scopesOf({ scopes }: ApiTokenView): Html {
  if (scopes === null) return html`everything<span class="hidden"> that its owner may</span>`;
  if (scopes.length <= 2) return html`${scopes.join(', ')}`;
  return html`<details><summary>${scopes.length} permissions</summary>${scopes.join(', ')}</details>`;
}

const lives = [
  { value: '30', label: 'in 30 days' },
  { value: '90', label: 'in 90 days' },
  { value: '365', label: 'in a year' },
  { value: 'never', label: 'never' },
];

function newTokenForm({ actor, form, services, tokenProblem }: AccountView): Html {
  const owners = [
    { value: actor.principalId, label: `you (${actor.name})` },
    ...services.map((service) => ({ value: service.id, label: service.name })),
  ];
  const held = new Set(actor.memberships.flatMap((membership) => [...membership.permissions]));
  return html`<details${tokenProblem !== null && html` open`}><summary>New API token</summary>
<form method="post" action="/account/new-token">${form}
${formProblem(tokenProblem, ['name'])}
<div class="row">
${field({
  name: 'name',
  label: 'Name',
  hint: 'What will use it, for example “deploy script”.',
  problem: problemAt(tokenProblem, 'name', 'The name'),
  autocomplete: 'off',
  maxLength: 200,
})}
${select({ name: 'principalId', label: 'Acts as', choices: owners, chosen: actor.principalId })}
${select({ name: 'expiresInDays', label: 'Expires', choices: lives, chosen: '90' })}
</div>
<details><summary>Limit what it may do</summary>
<fieldset><legend class="hint">With nothing ticked it may do all that its owner may.</legend>
<div class="choices">${permissions
    .filter((permission) => held.has(permission))
    .map(
      (permission) =>
        html`<label class="choice"><input type="checkbox" name="scopes" value="${permission}"><code>${permission}</code></label>`,
    )}</div></fieldset></details>
<div class="actions"><button>Make token</button></div>
</form></details>`;
}

function servicesCard({ form, services, serviceProblem }: AccountView): Html {
  const choices = builtinRoles
    .filter((role) => role.unitKind === 'organization')
    .map((role) => ({ value: role.key, label: role.name }));
  return html`<section class="card" aria-labelledby="services">
<div class="head"><h2 id="services">Service accounts</h2>
<p class="muted">For programs. Their tokens go on working when the person who made them leaves.</p></div>
${
  services.length === 0
    ? html`<p class="muted">There are none yet.</p>`
    : html`<table class="stack"><thead><tr><th scope="col">Name</th><th scope="col">Belongs to</th><th scope="col">Role</th><th scope="col">Made</th></tr></thead>
<tbody>${services.map(
        (service) =>
          html`<tr><td data-label="Name">${service.name}</td><td data-label="Belongs to">${service.unitName}</td><td data-label="Role">${service.roles.join(', ')}</td><td data-label="Made">${day(service.createdAt)}</td></tr>`,
      )}</tbody></table>`
}
<details${serviceProblem !== null && html` open`}><summary>New service account</summary>
<form method="post" action="/account/new-service">${form}
${formProblem(serviceProblem, ['name'])}
<div class="row">
${field({
  name: 'serviceName',
  label: 'Name',
  problem: problemAt(serviceProblem, 'name', 'The name'),
  autocomplete: 'off',
  maxLength: 200,
})}
${select({ name: 'role', label: 'Role', choices, chosen: 'member' })}
</div>
<div class="actions"><button>Make service account</button></div>
</form></details>
</section>`;
}

export function newTokenBody(made: {
  readonly name: string;
  readonly token: string;
  readonly publicUrl: string;
}): Html {
  return html`<div class="head"><h1>Your new API token</h1></div>
<section class="card">
<div class="notice good"><p><strong>Copy it now.</strong> It is not shown again: Latchkey keeps only a hash of it.</p></div>
<div class="field"><span id="token-label">${made.name}</span>
<code class="secret" id="token" tabindex="0" aria-labelledby="token-label">${made.token}</code>
<p class="hint">One click selects all of it.</p></div>
<div class="field"><span>Try it</span><code class="secret">curl -H 'Authorization: Bearer ${made.token}' ${made.publicUrl}/account/tokens</code></div>
<div class="actions"><a class="button" href="/account">Done</a></div>
</section>`;
}

export function revokeBody(token: ApiTokenView, form: Html): Html {
  return html`<div class="head"><h1>Revoke this token?</h1></div>
<section class="card">
<p>Whatever uses <strong>${token.name}</strong> (<code>…${token.tail}</code>, acts as ${token.principalName}) is refused within three seconds. This cannot be undone.</p>
<form method="post" action="/account/tokens/${token.id}/revoke">${form}
<div class="actions"><button class="danger">Revoke token</button><a class="button quiet" href="/account">Keep it</a></div>
</form></section>`;
}

/** Roles of different kinds of units share keys. */
function roleName({ unitKind, roleKey }: Pick<ActorMembership, 'unitKind' | 'roleKey'>): string {
  return builtinRoles.find((role) => role.unitKind === unitKind && role.key === roleKey)?.name ?? roleKey;
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });

function day(date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${dayFormat.format(date)}</time>`;
}
