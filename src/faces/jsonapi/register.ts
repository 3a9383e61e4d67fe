// The JSON:API dialect at /v2: auth clients and secrets as the clients of elastic.io know them, and what the runtime of its
// components asks beside that.
import type { FastifyInstance } from 'fastify';
import { acceptJsonBodies, ignoreBodies } from '../http/json-bodies.ts';
import { requireJsonAccepted } from './accept.ts';
import { registerAuthClientRoutes } from './auth-clients/auth-client-routes.ts';
import { jsonApiErrors } from './error-answer.ts';
import { registerFlowRoutes } from './flows/flow-routes.ts';
import { registerStartupRoutes, registerStepRoutes } from './flows/step-routes.ts';
import { registerAccountRoutes, registerOldCredentialRoutes } from './legacy/credential-routes.ts';
import { registerOldOauthClientRoutes } from './legacy/oauth-client-routes.ts';
import { answerMissingRoutes } from './missing-route.ts';
import { registerOpenApi } from './openapi/openapi-routes.ts';
import { type BookedRoute, bookRoutes } from './openapi/route-book.ts';
import { registerRoleRoutes } from './roles/role-routes.ts';
import type { Rooms } from './rooms.ts';
import type { Scopes } from './route.ts';
import { registerSecretRoutes } from './secrets/secret-routes.ts';
import { registerContractRoutes } from './workspaces/contract-routes.ts';
import { registerUserRoutes } from './workspaces/user-routes.ts';
import { registerWorkspaceRoutes } from './workspaces/workspace-routes.ts';

export async function registerJsonApi(app: FastifyInstance, house: Rooms): Promise<void> {
  const book: BookedRoute[] = [];
  await registerUnder(app, '/v2', book, (scopes) => {
    registerSecretRoutes(scopes, house);
    registerAuthClientRoutes(scopes, house);
    registerWorkspaceRoutes(scopes, house);
    registerContractRoutes(scopes, house);
    registerRoleRoutes(scopes, house);
    registerUserRoutes(scopes, house);
    registerFlowRoutes(scopes, house);
    registerOldCredentialRoutes(scopes, house);
    registerOldOauthClientRoutes(scopes, house);
    registerOpenApi(scopes.json, book);
  });
  // What the runtime of components asks, at the addresses that it was built with.
  await registerUnder(app, '/v1', book, (scopes) => {
    registerStepRoutes(scopes, house);
    registerAccountRoutes(scopes, house);
  });
  await registerUnder(app, '/sailor-support', book, (scopes) => {
    registerStartupRoutes(scopes, house);
  });
}

async function registerUnder(
  app: FastifyInstance,
  prefix: string,
  book: BookedRoute[],
  routes: (scopes: Scopes) => void,
): Promise<void> {
  await app.register(
    (json, _options, done) => {
      bookRoutes(json, book);
      json.strayDialects.set(prefix, jsonApiErrors);
      answerMissingRoutes(json);
      json.addHook('onRequest', (request, _reply, done) => {
        const { operation } = request.routeOptions.config;
        if (operation?.answer.mediaType === undefined) requireJsonAccepted(request.headers.accept);
        done();
      });
      acceptJsonBodies(json);
      void json.register((bodiless, _inner, innerDone) => {
        ignoreBodies(bodiless);
        routes({ json, bodiless });
        innerDone();
      });
      done();
    },
    { prefix },
  );
}
