// Where a person makes a secret of a workspace by signing in at its provider: the secret is stored without tokens, and the
// start page of its consent comes next. The same address with a secret's id connects that one anew.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { checkFormToken, formToken } from '../../authorize/browser-binding.ts';
import { createAuthClient } from '../../credentials/auth-client.ts';
import { getBuiltinType } from '../../credentials/connection-type.ts';
import { createCredential } from '../../credentials/create-credential.ts';
import { Fault, invalidField } from '../../kernel/fault.ts';
import type { CredentialId } from '../../kernel/ids.ts';
import { checkEndpointUrl, isAuthorizeUrl } from '../../oauth/endpoint-url.ts';
import type { Tx } from '../../storage/doors.ts';
import { type Actor, can, requirePermission } from '../../tenancy/actor.ts';
import { checkName, findUnit } from '../../tenancy/unit.ts';
import type { House } from '../house.ts';
import { clientKindOf } from '../jsonapi/auth-clients/client-kind.ts';
import { oauth2Kind, readRequest } from '../jsonapi/kinds/oauth2-kind.ts';
import { findSecret } from '../jsonapi/secrets/read-secret.ts';
import { findWorkspace, type Workspace } from '../jsonapi/workspaces/workspace.ts';
import { errorPage } from '../pages/error-page.ts';
import { isMendable } from '../pages/field.ts';
import { formText } from '../pages/form-guard.ts';
import { sendPage } from '../pages/layout.ts';
import { clientFields, newSecretPage, secretFields } from './new-secret-page.ts';
import { offeredClients } from './offered-clients.ts';
import { ensureBrowserToken, type PageVisitor, visitorOf } from './visitor.ts';

type Request = FastifyRequest<{
  Params: { readonly workspace: string; readonly secret?: string };
  Querystring: { readonly component?: unknown; readonly auth_client?: unknown };
}>;

type Entered = { readonly actor: Actor; readonly workspace: Workspace; readonly visitor: PageVisitor };

const collection = '/oauth/workspaces/:workspace/secrets';

export function registerNewSecret(scope: FastifyInstance, house: House): void {
  const config = { errorDialect: errorPage };

  scope.get(`${collection}/new`, { config }, async (request: Request, reply) => {
    const entered = await enter(house, request);
    if (entered === null) return toSignIn(request, reply);
    return await show(house, request, reply, entered, null);
  });

  scope.post(`${collection}/new`, { config }, async (request: Request, reply) => {
    const entered = await enter(house, request);
    if (entered === null) return toSignIn(request, reply);
    const { actor, workspace, visitor } = entered;
    checkFormToken(formText(request.body, 'form_token'), visitor.browserToken, purposeOf(workspace));
    const adds = formText(request.body, 'adds') === 'client' ? addClient : addSecret;
    try {
      const next = await house.doors.withTenant(actor.tenant, (tx) => adds(house, tx, request, entered));
      return reply.redirect(next, 303);
    } catch (error) {
      const fault = isMendable(error) ? inWordsOfTheForm(error) : null;
      if (fault === null) throw error;
      return await show(house, request, reply, entered, fault);
    }
  });

  scope.get(`${collection}/:secret`, { config }, async (request: Request, reply) => {
    const entered = await enter(house, request);
    if (entered === null) return toSignIn(request, reply);
    const id = (request.params.secret ?? '') as CredentialId;
    const { credentialId } = await findSecret(house, { ...entered, id });
    return reply.redirect(house.authorize.startUrlOf(entered.actor.tenant, credentialId), 303);
  });
}

async function enter(house: House, request: Request): Promise<Entered | null> {
  const visitor = await visitorOf(house, request);
  const { actor } = visitor;
  if (actor === null) return null;
  const workspace = await findWorkspace(house, actor, request.params.workspace, 'credential.view');
  requirePermission(actor, 'credential.authorize', workspace.path);
  return { actor, workspace, visitor };
}

function toSignIn(request: Request, reply: FastifyReply): FastifyReply {
  return reply.redirect(`/sign-in?next=${encodeURIComponent(request.url)}`, 303);
}

async function show(
  house: House,
  request: Request,
  reply: FastifyReply,
  { actor, workspace, visitor }: Entered,
  fault: Fault | null,
): Promise<FastifyReply> {
  const { name, clients } = await house.doors.withTenant(actor.tenant, async (tx) => ({
    name: (await findUnit(tx, workspace.id))?.name ?? '',
    clients: await offeredClients(tx, { actor, workspace, component: componentOf(request) }),
  }));
  const typed = [...secretFields, ...clientFields]
    .filter((field) => field !== 'client_secret')
    .map((field) => [field, formText(request.body, field)] as const);
  const { auth_client: chosen } = request.query;
  const page = newSecretPage({
    workspaceName: name,
    clients,
    mayAddClient: can(actor, 'auth_client.create', workspace.path),
    typed: {
      ...Object.fromEntries(typed),
      ...(fault === null && typeof chosen === 'string' ? { auth_client: chosen } : {}),
    },
    fault,
    formToken: formToken(ensureBrowserToken(house, visitor, reply), purposeOf(workspace)),
  });
  return sendPage(reply, { ...page, status: fault?.status ?? 200 });
}

function purposeOf(workspace: Workspace): string {
  return `new secret of ${workspace.id}`;
}

function componentOf({ query }: Request): string | null {
  const { component } = query;
  return typeof component === 'string' && /^[\x21-\x7e]{1,200}$/.test(component) ? component : null;
}

/** Answers where the browser goes next. */
async function addSecret(
  house: House,
  tx: Tx,
  request: Request,
  { actor, workspace }: Entered,
): Promise<string> {
  const { body } = request;
  const offered = await offeredClients(tx, { actor, workspace, component: componentOf(request) });
  const client = offered.find(({ id }) => id === formText(body, 'auth_client'));
  if (client?.registration == null) throw invalidField('auth_client', 'is not among those offered.');
  if (!isAuthorizeUrl(client.registration.authorizeUrl)) {
    throw invalidField('auth_client', 'has no proper authorization address.', 'Choose or add another one.');
  }
  const { values, authorizeParams } = readRequest({
    scope: formText(body, 'scope'),
    additionalParams: formText(body, 'additional_params'),
  });
  const { id } = await createCredential({
    tx,
    vault: house.vault,
    actor,
    unitId: workspace.id,
    label: checkName(formText(body, 'name'), 'name'),
    type: await getBuiltinType(tx, oauth2Kind.connectionType),
    values,
    authClientId: client.id,
    authorizeParams,
  });
  return house.authorize.startUrlOf(actor.tenant, id);
}

/** Of the workspace: wider ones are made through the API, by whoever stands higher. */
async function addClient(
  house: House,
  tx: Tx,
  request: Request,
  { actor, workspace }: Entered,
): Promise<string> {
  const { body } = request;
  const component = componentOf(request);
  const refresh = formText(body, 'refresh_token_uri');
  for (const name of ['auth_uri', 'token_uri'] as const) checkEndpointUrl(formText(body, name), name);
  if (refresh !== '') checkEndpointUrl(refresh, 'refresh_token_uri');
  const client = await createAuthClient({
    tx,
    vault: house.vault,
    actor,
    client: {
      unitId: workspace.id,
      name: checkName(formText(body, 'client_name'), 'client_name'),
      type: 'oauth2',
      ...clientKindOf('oauth2').read({
        client_id: formText(body, 'client_id'),
        client_secret: formText(body, 'client_secret'),
        auth_uri: formText(body, 'auth_uri'),
        token_uri: formText(body, 'token_uri'),
        ...(refresh === '' ? {} : { refresh_token_uri: refresh }),
      }),
      componentRefs: component === null ? [] : [component],
    },
  });
  const query = new URLSearchParams({
    ...(component === null ? {} : { component }),
    auth_client: client.id,
  });
  return `/oauth/workspaces/${workspace.id}/secrets/new?${query.toString()}`;
}

const formFields: Readonly<Record<string, string>> = {
  label: 'name',
  authorizeParams: 'additional_params',
  authClient: 'auth_client',
  'values.scopes': 'scope',
};

/** The API's readers name the place in a body; here it is the field of the form. */
function inWordsOfTheForm(fault: Fault): Fault {
  if (fault.field === null) return fault;
  const field = formFields[fault.field] ?? fault.field.split('.').at(-1) ?? fault.field;
  const prefix = `${fault.field}: `;
  const message = fault.message.startsWith(prefix) ? fault.message.slice(prefix.length) : fault.message;
  return new Fault(fault.code, `${field}: ${message}`, {
    field,
    ...(fault.cure === null ? {} : { cure: fault.cure }),
  });
}
